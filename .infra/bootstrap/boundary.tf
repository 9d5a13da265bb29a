# The most that a role made by the pipeline can ever do: what an ECS task and its start need. The pipeline may create
# roles only with this boundary, and has no right to change or remove it, so it can't make itself an administrator.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  # In any region: the boundary is global, as the roles are.
  account_arn = "arn:${data.aws_partition.current.partition}:%s:*:${data.aws_caller_identity.current.account_id}:%s"
}

data "aws_iam_policy_document" "boundary" {
  #checkov:skip=CKV_AWS_356:ecr:GetAuthorizationToken has no resource-level permission.
  statement {
    sid       = "RegistryLogin"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # no resource-level permission exists
  }

  statement {
    sid       = "PullImages"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [format(local.account_arn, "ecr", "repository/*")]
  }

  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [format(local.account_arn, "logs", "log-group:/ecs/app-*")]
  }

  statement {
    sid     = "ReadSecrets"
    actions = ["secretsmanager:GetSecretValue", "ssm:GetParameters"]
    # Not those of others in the account: whoever can push can have a task read what its role may.
    resources = [
      format(local.account_arn, "secretsmanager", "secret:clockmirror/*"),
      format(local.account_arn, "ssm", "parameter/clockmirror/*"),
    ]
  }

  statement {
    sid       = "DecryptSecrets"
    actions   = ["kms:Decrypt"]
    resources = [format(local.account_arn, "kms", "key/*")]

    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = ["secretsmanager.*.${data.aws_partition.current.dns_suffix}", "ssm.*.${data.aws_partition.current.dns_suffix}"]
    }
  }
}

resource "aws_iam_policy" "boundary" {
  name        = "clockmirror-boundary"
  description = "The most that a role made by the clockmirror pipeline can do."
  policy      = data.aws_iam_policy_document.boundary.json
}
