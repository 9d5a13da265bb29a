# UpdateECSService: copies the revision that the service runs, with another image, and has the service run the copy. It is
# CodePipeline that does so; the pipeline lends it this role.

data "aws_iam_policy_document" "assume_update_ecs_service" {
  statement {
    sid     = "OnlyForThePipeline"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.pipeline.arn]
    }
  }
}

resource "aws_iam_role" "update_ecs_service" {
  # IAM allows 64 characters.
  for_each = { for env, of in local.environments : "UpdateECSService${of.suffix}" => "update-ecs${of.suffix == "" ? "-service" : of.suffix}" }

  name               = "${local.name}-${each.value}"
  description        = "The action ${each.key} of the pipeline ${local.name}"
  assume_role_policy = data.aws_iam_policy_document.assume_update_ecs_service.json
}

locals {
  permissions_update_ecs_service = { for env, of in local.environments : env => [
    {
      sid       = "ReadArtifacts"
      why       = "imagedefinitions.json"
      actions   = ["s3:GetObject", "s3:GetObjectVersion"]
      resources = [local.artifact_arn["imagedefs"]]
    },
    {
      sid       = "FindArtifacts"
      why       = "where artifacts are kept"
      actions   = ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"]
      resources = [aws_s3_bucket.artifacts.arn]
    },
    {
      sid       = "CopyRevision"
      why       = "ECS knows no resource for it; iam:PassRole limits the roles of its tasks"
      actions   = ["ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition"]
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
      sid     = "WatchTasks"
      why     = "how the deployment goes; ListTasks asks for a container instance, which Fargate has none of"
      actions = ["ecs:DescribeTasks", "ecs:ListTasks"]
      resources = [
        format(local.regional, "ecs", "task/${of.app}/*"),
        format(local.regional, "ecs", "container-instance/${of.app}/*"),
      ]
      conditions = [["ArnEquals", "ecs:cluster", [format(local.regional, "ecs", "cluster/${of.app}")]]]
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

moved {
  from = aws_iam_role.update_ecs_service
  to   = aws_iam_role.update_ecs_service["UpdateECSService"]
}
