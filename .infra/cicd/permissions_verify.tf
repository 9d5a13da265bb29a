# Verify and Accept: they read what the service runs. When the pushed image fails, they have each service run a copy of its revision with
# the image that ran before. At its end, Verify publishes how well the pipeline delivers.

locals {
  permissions_verify = { for env, of in local.environments : env => [
    {
      sid       = "ReadService"
      why       = "which revision each service runs, and how its deployment stands"
      actions   = ["ecs:DescribeServices"]
      resources = [format(local.regional, "ecs", "service/${of.app}/api")]
    },
    {
      sid       = "ReadRevision"
      why       = "which image it names; ECS knows no resource for it"
      actions   = ["ecs:DescribeTaskDefinition"]
      resources = ["*"]
    },
  ] }

  permissions_verify_measure = { for env, of in local.environments : env => [
    {
      sid       = "ReadHistory"
      why       = "which executions failed, where and when"
      actions   = ["codepipeline:ListActionExecutions", "codepipeline:ListPipelineExecutions"]
      resources = [format(local.regional, "codepipeline", local.name)]
    },
    {
      sid        = "PublishMetrics"
      why        = "CloudWatch knows no resource for it; into the environment's own namespace"
      actions    = ["cloudwatch:PutMetricData"]
      resources  = ["*"]
      conditions = [["StringEquals", "cloudwatch:namespace", ["clockmirror/${env}"]]]
    },
  ] }

  permissions_verify_roll_back = { for env, of in local.environments : env => [
    {
      sid       = "CopyRevision"
      why       = "ECS knows no resource for it; iam:PassRole limits the roles of its tasks"
      actions   = ["ecs:RegisterTaskDefinition"]
      resources = ["*"]
    },
    {
      sid        = "TagRevision"
      why        = "the copy carries the tags of the original"
      actions    = ["ecs:TagResource"]
      resources  = local.revision_arns[env]
      conditions = [["StringEquals", "ecs:CreateAction", ["RegisterTaskDefinition"]]]
    },
    {
      sid       = "UpdateService"
      why       = "the deployment itself"
      actions   = ["ecs:DescribeServices", "ecs:UpdateService"]
      resources = local.service_arns[env]
    },
    {
      sid        = "GiveTasksTheirRoles"
      why        = "the copy runs under the roles of the original"
      actions    = ["iam:PassRole"]
      resources  = local.service_role_arns[env]
      conditions = [["StringEquals", "iam:PassedToService", ["ecs-tasks.amazonaws.com"]]]
    },
  ] }
}
