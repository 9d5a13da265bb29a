# Two roles: `execution` is ECS's own while it starts a task, `task` is what the program has. The program calls no AWS
# API, so its role has no policy; this is the place to give it one, as far as the boundary in bootstrap allows.

data "aws_iam_policy_document" "assume" {
  statement {
    sid     = "EcsTasks"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }

    # Only for tasks of this account, not for those of whoever knows the role's name.
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

resource "aws_iam_role" "task" {
  name                 = "${local.full_name}-task"
  description          = "The program in tasks of ${local.full_name}"
  assume_role_policy   = data.aws_iam_policy_document.assume.json
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role" "execution" {
  name                 = "${local.full_name}-execution"
  description          = "ECS, to start tasks of ${local.full_name}"
  assume_role_policy   = data.aws_iam_policy_document.assume.json
  permissions_boundary = var.permissions_boundary
}

locals {
  # Account, region and name of the repository, when the image lies in ECR.
  ecr = try(regex("^(?P<account>[0-9]{12})\\.dkr\\.ecr\\.(?P<region>[a-z0-9-]+)\\.amazonaws\\.com(?:\\.cn)?/(?P<name>[^@]+)@", var.image), null)

  # A secret's ARN may go on with a key and a version, which are not part of its name in policies.
  secret_arns = {
    for service in ["ssm", "secretsmanager"] : service => distinct([
      for arn in values(var.secrets) : join(":", slice(concat(split(":", arn), [""]), 0, service == "ssm" ? 6 : 7))
      if split(":", arn)[2] == service
    ])
  }
}

data "aws_iam_policy_document" "execution" {
  #checkov:skip=CKV_AWS_356:ecr:GetAuthorizationToken has no resource-level permission.
  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }

  dynamic "statement" {
    for_each = local.ecr == null ? [] : [local.ecr]

    content {
      sid       = "RegistryLogin"
      actions   = ["ecr:GetAuthorizationToken"]
      resources = ["*"] # no resource-level permission exists
    }
  }

  dynamic "statement" {
    for_each = local.ecr == null ? [] : [local.ecr]

    content {
      sid       = "PullImage"
      actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      resources = ["arn:${var.partition}:ecr:${statement.value.region}:${statement.value.account}:repository/${statement.value.name}"]
    }
  }

  dynamic "statement" {
    for_each = { for service, arns in local.secret_arns : service => arns if length(arns) > 0 }

    content {
      sid       = "Read${title(statement.key)}"
      actions   = [{ ssm = "ssm:GetParameters", secretsmanager = "secretsmanager:GetSecretValue" }[statement.key]]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = length(var.secrets_kms_key_arns) == 0 ? [] : [var.secrets_kms_key_arns]

    content {
      sid       = "DecryptSecrets"
      actions   = ["kms:Decrypt"]
      resources = statement.value
    }
  }
}

resource "aws_iam_role_policy" "execution" {
  name   = "start-tasks"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.execution.json
}
