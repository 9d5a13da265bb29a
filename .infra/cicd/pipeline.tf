# The way from a push to the public URL. A failed action stops everything after it.

locals {
  stages = [
    { name = "Test", actions = { StaticAnalysis = 1, UnitTest = 1 } },
    { name = "Build", actions = { Build = 1 } },
  ]

  # By run order; UpdateECSService stands between them, and runs no buildspec.
  deploy = merge(
    { DeployECR = 1, DeployApp = 2, Verify = local.fleet_order + 1, Accept = local.fleet_order + 1 },
    { for action in keys(local.actions) : action => 4 if action == "Bake" },
  )
  updates = merge({ for service in local.services : service => local.fleet_order }, { for service in local.one_box : service => 3 })
}

resource "aws_codepipeline" "this" {
  #checkov:skip=CKV_AWS_219:Artifacts are encrypted with aws/s3, which has no monthly price and nothing to grant.
  name          = local.name
  pipeline_type = "V2"
  # Every push is delivered, in its turn. Where people approve, the newest one takes the place of those that wait.
  execution_mode = var.require_approval ? "SUPERSEDED" : "QUEUED"
  role_arn       = aws_iam_role.pipeline.arn

  artifact_store {
    type     = "S3"
    location = aws_s3_bucket.artifacts.id
  }

  trigger {
    provider_type = "CodeStarSourceConnection"

    git_configuration {
      source_action_name = "Source"

      push {
        branches {
          includes = [var.branch]
        }

        # Documentation-only pushes don't deploy. CHANGELOG.md isn't excluded: a release's commit may change nothing else.
        file_paths {
          includes = ["**"]
          excludes = ["README.md", "**/README.md", ".infra/*.md", ".infra/**/*.md", "src/**/*.md", ".github/**", "LICENSE", ".editorconfig"]
        }
      }
    }
  }

  stage {
    name = "Source"

    action {
      name             = "Source"
      category         = "Source"
      owner            = "AWS"
      provider         = "CodeStarSourceConnection"
      version          = "1"
      run_order        = 1
      namespace        = "Source"
      output_artifacts = ["source"]

      configuration = {
        ConnectionArn    = var.connection_arn
        FullRepositoryId = var.repository
        BranchName       = var.branch
        # The trigger above decides, not every push.
        DetectChanges = "false"
        # With history: versions come from tags, and secrets hide in old commits.
        OutputArtifactFormat = "CODEBUILD_CLONE_REF"
      }
    }
  }

  dynamic "stage" {
    for_each = local.stages

    content {
      name = stage.value.name

      # A machine or a download can fail; a test that is red for its own sake is red a second time.
      on_failure {
        result = "RETRY"

        retry_configuration {
          retry_mode = "FAILED_ACTIONS"
        }
      }

      dynamic "action" {
        for_each = stage.value.actions

        content {
          name             = action.key
          category         = action.key == "Build" ? "Build" : "Test"
          owner            = "AWS"
          provider         = "CodeBuild"
          version          = "1"
          run_order        = action.value
          namespace        = action.key
          input_artifacts  = local.actions[action.key].inputs
          output_artifacts = local.actions[action.key].outputs
          configuration    = local.configuration[action.key]
        }
      }
    }
  }

  dynamic "stage" {
    for_each = var.require_approval ? ["Approval"] : []

    content {
      name = stage.value

      action {
        name      = "Approval"
        category  = "Approval"
        owner     = "AWS"
        provider  = "Manual"
        version   = "1"
        run_order = 1

        # Without it, an approval that is never given holds later pushes for seven days.
        timeout_in_minutes = 60 * var.approval_hours

        # Without the commit's message: CustomData is limited to 1,000 characters. The console shows it beside.
        configuration = {
          CustomData         = "Deploy #{Source.CommitId} to ${var.env}?"
          ExternalEntityLink = "https://${local.console}/codesuite/codepipeline/pipelines/${local.name}/view?region=${var.region}"
        }
      }
    }
  }

  stage {
    name = "Deploy"

    # To the last execution that succeeded under this structure of the pipeline. Where there is none, as after the first push or a
    # change of this file, Verify and Accept take the image back by themselves.
    on_failure {
      result = "ROLLBACK"
    }

    dynamic "action" {
      for_each = local.deploy

      content {
        name             = action.key
        category         = contains(["Bake", "Verify", "Accept"], action.key) ? "Test" : "Build"
        owner            = "AWS"
        provider         = "CodeBuild"
        version          = "1"
        run_order        = action.value
        namespace        = action.key
        input_artifacts  = local.actions[action.key].inputs
        output_artifacts = local.actions[action.key].outputs
        configuration    = local.configuration[action.key]
      }
    }

    # One image for all services: api, and those beside it.
    dynamic "action" {
      for_each = local.updates

      content {
        name            = action.key == "api" ? "UpdateECSService" : "UpdateECSService-${action.key}"
        category        = "Deploy"
        owner           = "AWS"
        provider        = "ECS"
        version         = "1"
        run_order       = action.value
        role_arn        = aws_iam_role.update_ecs_service.arn
        input_artifacts = ["imagedefs"]

        configuration = {
          ClusterName       = local.app
          ServiceName       = action.key
          FileName          = "imagedefinitions.json"
          DeploymentTimeout = "15"
        }
      }
    }
  }

  depends_on = [aws_iam_role_policy.this]
}

locals {
  configuration = {
    for action, settings in local.actions : action => merge(
      { ProjectName = aws_codebuild_project.action[action].name },
      length(settings.inputs) > 1 ? { PrimarySource = settings.inputs[0] } : {},
      length(settings.variables) == 0 ? {} : {
        EnvironmentVariables = jsonencode([
          for name, value in settings.variables : { name = name, value = value, type = "PLAINTEXT" }
        ])
      },
    )
  }
}
