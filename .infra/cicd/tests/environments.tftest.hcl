# One pipeline through several environments: built once, promoted by digest, each with roles of its own.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  env             = "prod"
  tf_state_bucket = "clockmirror-test-state"
  repository      = "acme/clockmirror"
  connection_arn  = "arn:aws:codeconnections:eu-west-1:123456789012:connection/01234567-89ab-cdef-0123-456789abcdef"
}

run "one" {
  command = plan

  variables {
    environments = [{ name = "prod", require_approval = true }]
  }

  assert {
    condition     = join(" ", [for stage in aws_codepipeline.this.stage : stage.name]) == "Source Test Build Approval Deploy"
    error_message = "A list of one is the pipeline of that environment alone, under the same names."
  }

  assert {
    condition     = join(" ", keys(local.actions)) == "Accept Build DeployApp DeployECR StaticAnalysis UnitTest Verify"
    error_message = "The actions are those of one environment."
  }
}

run "two" {
  command = plan

  variables {
    environments   = [{ name = "gamma" }, { name = "prod", require_approval = true, bake_minutes = 10 }]
    hosted_zone_id = "Z0123456789ABCDEFGHIJ"
  }

  assert {
    condition = { for stage in aws_codepipeline.this.stage : stage.name => { for action in stage.action : action.name => action.run_order } } == {
      Source       = { Source = 1 }
      Test         = { StaticAnalysis = 1, UnitTest = 1 }
      Build        = { Build = 1 }
      Deploy-gamma = { DeployECR = 1, DeployApp-gamma = 2, UpdateECSService-gamma = 3, Verify-gamma = 4, Accept-gamma = 4 }
      Approval     = { Approval = 1 }
      Deploy = {
        DeployApp = 2, UpdateECSService-api-onebox = 3, Bake = 4, UpdateECSService = 5, Verify = 6, Accept = 6
      }
    }
    error_message = "Built and pushed once, to gamma first; then a person is asked, and prod follows, at one box first."
  }

  assert {
    condition     = join(" ", [for stage in aws_codepipeline.this.stage : stage.name]) == "Source Test Build Deploy-gamma Approval Deploy"
    error_message = "The stages are in this order."
  }

  assert {
    condition     = join(" ", [for stage in aws_codepipeline.this.stage : stage.on_failure[0].result if startswith(stage.name, "Deploy")]) == "ROLLBACK ROLLBACK"
    error_message = "Each environment goes back by itself."
  }

  assert {
    condition     = aws_codepipeline.this.execution_mode == "SUPERSEDED" && one([for stage in aws_codepipeline.this.stage : stage.action[0].configuration["CustomData"] if stage.name == "Approval"]) == "Deploy #{Source.CommitId} to prod?"
    error_message = "A person is asked about prod alone."
  }

  assert {
    condition = join(" ", sort(flatten([for stage in aws_codepipeline.this.stage : [
      for action in stage.action : "${action.name}:${action.configuration["ClusterName"]}:${join("", action.input_artifacts)}" if action.provider == "ECS"
    ]]))) == "UpdateECSService-api-onebox:app-prod:imagedefs UpdateECSService-gamma:app-gamma:imagedefs UpdateECSService:app-prod:imagedefs"
    error_message = "Both environments get the one image that was pushed."
  }

  assert {
    condition     = length(distinct(compact(flatten([for stage in aws_codepipeline.this.stage : stage.action[*].namespace])))) == length(compact(flatten([for stage in aws_codepipeline.this.stage : stage.action[*].namespace])))
    error_message = "A namespace is an action's own: CodePipeline refuses it a second time."
  }

  assert {
    condition = {
      for action, configuration in local.configuration : action => { for variable in jsondecode(configuration["EnvironmentVariables"]) : variable.name => variable.value }["PREVIOUS_IMAGE"]
      if contains(["Verify", "Accept", "Bake", "Verify-gamma", "Accept-gamma"], action)
      } == {
      Verify       = "#{DeployApp.PREVIOUS_IMAGE}"
      Accept       = "#{DeployApp.PREVIOUS_IMAGE}"
      Bake         = "#{DeployApp.PREVIOUS_IMAGE}"
      Verify-gamma = "#{DeployApp-gamma.PREVIOUS_IMAGE}"
      Accept-gamma = "#{DeployApp-gamma.PREVIOUS_IMAGE}"
    }
    error_message = "Each goes back to what its own environment ran."
  }

  assert {
    condition = { for action in ["DeployApp", "DeployApp-gamma", "Verify", "Verify-gamma", "Accept-gamma"] : action => local.actions[action].environment.ENV } == {
      DeployApp = "prod", DeployApp-gamma = "gamma", Verify = "prod", Verify-gamma = "gamma", Accept-gamma = "gamma"
    }
    error_message = "Each action works for its own environment."
  }

  assert {
    condition     = aws_codebuild_project.action["DeployApp"].name == "cicd-prod-deploy-app" && aws_codebuild_project.action["DeployApp-gamma"].name == "cicd-prod-deploy-app-gamma" && one(aws_codebuild_project.action["DeployApp-gamma"].source).buildspec == "buildspec/deploy_app.yml"
    error_message = "What was prod's before gamma came keeps its name; both run the same buildspec."
  }

  assert {
    condition     = local.actions.DeployECR.environment.ENVIRONMENTS == "gamma prod" && local.actions.DeployECR.environment.ENV == "prod"
    error_message = "DeployECR keeps what either environment runs; the repository is the pipeline's."
  }

  # Whatever names an environment in a role's policies names its own.
  assert {
    condition = alltrue([
      for policy, rows in merge(local.inline_permissions, local.managed_permissions) : !strcontains(replace(jsonencode(rows), "cicd-prod", ""), strcontains(policy, "-gamma") ? "prod" : "gamma")
      if !contains(["DeployECR", "Pipeline"], split("/", policy)[0])
    ])
    error_message = "A role reaches another environment than its own."
  }

  assert {
    condition     = aws_iam_role_policy_attachment.deploy_app["network-gamma"].role == "cicd-prod-deploy-app-gamma" && aws_iam_role_policy_attachment.deploy_app["network"].role == "cicd-prod-deploy-app"
    error_message = "Each DeployApp has its own environment's policies."
  }

  assert {
    condition     = aws_iam_role.update_ecs_service["UpdateECSService"].name == "cicd-prod-update-ecs-service" && aws_iam_role.update_ecs_service["UpdateECSService-gamma"].name == "cicd-prod-update-ecs-gamma"
    error_message = "The ECS actions of an environment have a role of their own."
  }

  assert {
    condition     = join(" ", [for env, of in local.environments : "${env}:${of.hosted_zone_id}"]) == "gamma:Z0123456789ABCDEFGHIJ prod:Z0123456789ABCDEFGHIJ"
    error_message = "What an environment leaves out is as the variable says."
  }

  assert {
    condition     = join(" ", sort([for key, arn in local.artifact_arn : "${key}=${split("/", arn)[2]}"])) == "image=image imagedefs=imagedefs screens0=screens0 screenshots=screenshot source=source"
    error_message = "The pictures of the environments are told apart by the first 10 characters."
  }
}

run "three" {
  command = plan

  variables {
    environments     = [{ name = "beta", require_approval = false }, { name = "gamma", bake_minutes = 5 }, { name = "prod" }]
    require_approval = true
  }

  assert {
    condition     = join(" ", [for stage in aws_codepipeline.this.stage : stage.name]) == "Source Test Build Deploy-beta Approval-gamma Deploy-gamma Approval Deploy"
    error_message = "Each environment after the one before, and where people are asked, they are asked before each."
  }

  assert {
    condition     = join(" ", sort([for action in aws_codepipeline.this.stage[5].action : "${action.name}:${action.run_order}"])) == "Accept-gamma:6 Bake-gamma:4 DeployApp-gamma:2 UpdateECSService-gamma-api-onebox:3 UpdateECSService-gamma:5 Verify-gamma:6"
    error_message = "Any of them may have one box."
  }

  assert {
    condition     = length(distinct([for project in aws_codebuild_project.action : project.name])) == 4 + 3 * 3 + 1 && length(distinct([for role in aws_iam_role.action : role.name])) == 4 + 3 * 3 + 1
    error_message = "One project and one role per action."
  }
}

run "order" {
  command = plan

  variables {
    environments = [{ name = "prod" }, { name = "gamma" }]
  }

  expect_failures = [var.environments]
}

run "twice" {
  command = plan

  variables {
    environments = [{ name = "prod" }, { name = "prod" }]
  }

  expect_failures = [var.environments]
}

run "names" {
  command = plan

  variables {
    environments = [{ name = "Gamma" }, { name = "prod" }]
  }

  expect_failures = [var.environments]
}

run "too_many" {
  command = plan

  variables {
    environments = [{ name = "a" }, { name = "b" }, { name = "c" }, { name = "d" }, { name = "prod" }]
  }

  expect_failures = [var.environments]
}

run "minutes" {
  command = plan

  variables {
    environments = [{ name = "gamma", bake_minutes = 121 }, { name = "prod" }]
  }

  expect_failures = [var.environments]
}

run "zone" {
  command = plan

  variables {
    environments = [{ name = "gamma", hosted_zone_id = "zone" }, { name = "prod" }]
  }

  expect_failures = [var.environments]
}
