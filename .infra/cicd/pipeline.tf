# The way from a push to the public URL. A failed action stops everything after it.

locals {
  # After Source, each with what becomes of it when it fails.
  stages = concat(
    [
      { name = "Test", on_failure = "RETRY", actions = { StaticAnalysis = 1, UnitTest = 1 }, updates = {}, approves = null },
      { name = "Build", on_failure = "RETRY", actions = { Build = 1 }, updates = {}, approves = null },
    ],
    flatten([for env in local.order : [for of in [local.environments[env]] : concat(
      [for approval in of.require_approval ? ["Approval"] : [] : {
        name = "Approval${of.suffix}", on_failure = null, actions = {}, updates = {}, approves = env
      }],
      [{
        name       = "Deploy${of.suffix}"
        on_failure = "ROLLBACK"
        # By run order; what updates services stands between them, and runs no buildspec.
        actions = merge(
          { for action in ["DeployECR"] : action => 1 if of.first },
          { "DeployApp${of.suffix}" = 2 },
          { for service in of.one_box : "Bake${of.suffix}" => 4 },
          { for action in ["Verify", "Accept"] : "${action}${of.suffix}" => of.fleet_order + 1 },
        )
        # One image for all services: api, and those beside it.
        updates = { for service in concat(of.one_box, of.services) : "UpdateECSService${of.suffix}${service == "api" ? "" : "-${service}"}" => {
          service = service, cluster = of.app, role = "UpdateECSService${of.suffix}", run_order = contains(of.one_box, service) ? 3 : of.fleet_order
        } }
        approves = null
      }],
    )]]),
  )
}

resource "aws_codepipeline" "this" {
  #checkov:skip=CKV_AWS_219:Artifacts are encrypted with aws/s3, which has no monthly price and nothing to grant.
  name          = local.name
  pipeline_type = "V2"
  # Every push is delivered, in its turn. Where people approve, the newest one takes the place of those that wait.
  execution_mode = local.approved ? "SUPERSEDED" : "QUEUED"
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

      # RETRY: a machine or a download can fail; a test that is red for its own sake is red a second time.
      # ROLLBACK: to the last execution that succeeded under this structure of the pipeline. Where there is none, as after the first push
      # or a change of this file, Verify and Accept take the image back by themselves.
      dynamic "on_failure" {
        for_each = compact([stage.value.on_failure])

        content {
          result = on_failure.value

          dynamic "retry_configuration" {
            for_each = on_failure.value == "RETRY" ? ["FAILED_ACTIONS"] : []

            content {
              retry_mode = retry_configuration.value
            }
          }
        }
      }

      dynamic "action" {
        for_each = stage.value.actions

        content {
          name             = action.key
          category         = contains(["build", "deploy-ecr", "deploy-app"], local.actions[action.key].buildspec) ? "Build" : "Test"
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

      dynamic "action" {
        for_each = stage.value.updates

        content {
          name            = action.key
          category        = "Deploy"
          owner           = "AWS"
          provider        = "ECS"
          version         = "1"
          run_order       = action.value.run_order
          role_arn        = aws_iam_role.update_ecs_service[action.value.role].arn
          input_artifacts = ["imagedefs"]

          configuration = {
            ClusterName       = action.value.cluster
            ServiceName       = action.value.service
            FileName          = "imagedefinitions.json"
            DeploymentTimeout = "15"
          }
        }
      }

      dynamic "action" {
        for_each = compact([stage.value.approves])

        content {
          name      = stage.value.name
          category  = "Approval"
          owner     = "AWS"
          provider  = "Manual"
          version   = "1"
          run_order = 1

          # Without it, an approval that is never given holds later pushes for seven days.
          timeout_in_minutes = 60 * var.approval_hours

          # Without the commit's message: CustomData is limited to 1,000 characters. The console shows it beside.
          configuration = {
            CustomData         = "Deploy #{Source.CommitId} to ${action.value}?"
            ExternalEntityLink = "https://${local.console}/codesuite/codepipeline/pipelines/${local.name}/view?region=${var.region}"
          }
        }
      }
    }
  }

  depends_on = [aws_iam_role_policy.this]
}

locals {
  approved = anytrue(values(local.environments)[*].require_approval)

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
