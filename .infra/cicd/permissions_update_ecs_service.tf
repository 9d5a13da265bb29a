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
  name               = "${local.name}-update-ecs-service"
  description        = "The action UpdateECSService of the pipeline ${local.name}"
  assume_role_policy = data.aws_iam_policy_document.assume_update_ecs_service.json
}

data "aws_iam_policy_document" "update_ecs_service" {
  #checkov:skip=CKV_AWS_111:RegisterTaskDefinition has no resource-level permission; which roles a task gets is limited below.
  #checkov:skip=CKV_AWS_356:As above.
  statement {
    sid       = "ReadArtifacts"
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = [local.artifact_arn["imagedefs"]]
  }

  statement {
    sid       = "FindArtifacts"
    actions   = ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"]
    resources = [aws_s3_bucket.artifacts.arn]
  }

  statement {
    sid       = "CopyRevision"
    actions   = ["ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition"]
    resources = ["*"] # no resource-level permission exists
  }

  statement {
    sid       = "TagRevision"
    actions   = ["ecs:TagResource"]
    resources = [for service in local.services : format(local.regional, "ecs", "task-definition/${local.app}-${service}:*")]

    condition {
      test     = "StringEquals"
      variable = "ecs:CreateAction"
      values   = ["RegisterTaskDefinition"]
    }
  }

  statement {
    sid       = "UpdateService"
    actions   = ["ecs:DescribeServices", "ecs:UpdateService"]
    resources = [for service in local.services : format(local.regional, "ecs", "service/${local.app}/${service}")]
  }

  statement {
    sid     = "WatchTasks"
    actions = ["ecs:DescribeTasks", "ecs:ListTasks"]
    # ListTasks asks for a container instance, which Fargate has none of.
    resources = [
      format(local.regional, "ecs", "task/${local.app}/*"),
      format(local.regional, "ecs", "container-instance/${local.app}/*"),
    ]

    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = [format(local.regional, "ecs", "cluster/${local.app}")]
    }
  }

  statement {
    sid       = "GiveTasksTheirRoles"
    actions   = ["iam:PassRole"]
    resources = local.service_role_arns

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "update_ecs_service" {
  name   = "update-ecs-service"
  role   = aws_iam_role.update_ecs_service.id
  policy = data.aws_iam_policy_document.update_ecs_service.json
}
