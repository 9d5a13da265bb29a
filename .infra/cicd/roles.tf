# One role per action, and one for the pipeline itself, which may do no more than start them. Here is what all actions share:
# their own logs, artifacts, cache and reports, and reading the repository. What each may do beyond that is in a file of its
# own, permissions_*.tf.

data "aws_iam_policy_document" "assume" {
  for_each = merge(
    { for action, settings in local.actions : action => {
      service = "codebuild.amazonaws.com"
      arn     = format(local.regional, "codebuild", "project/${local.name}-${settings.slug}")
    } },
    { Pipeline = {
      service = "codepipeline.amazonaws.com"
      arn     = format(local.regional, "codepipeline", local.name)
    } },
  )

  statement {
    sid     = "OnlyFor${each.key}"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [each.value.service]
    }

    # Only for this one, not for whoever makes the service use the role's name.
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [each.value.arn]
    }
  }
}

resource "aws_iam_role" "action" {
  for_each = local.actions

  name               = "${local.name}-${each.value.slug}"
  description        = "The action ${each.key} of the pipeline ${local.name}"
  assume_role_policy = data.aws_iam_policy_document.assume[each.key].json
}

locals {
  # Where CodePipeline keeps an artifact.
  artifact_arn = {
    for artifact in ["source", "image", "imagedefs"] :
    artifact => "${aws_s3_bucket.artifacts.arn}/${substr(local.name, 0, 20)}/${substr(artifact, 0, 10)}/*"
  }

  # An ARN of either name: AWS renamed the service, and connections keep the name that they were made with.
  use_connection = ["codeconnections:UseConnection", "codestar-connections:UseConnection"]
}

data "aws_iam_policy_document" "action" {
  for_each = local.actions

  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.action[each.key].arn}:*"]
  }

  statement {
    sid       = "ReadArtifacts"
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = [for artifact in each.value.inputs : local.artifact_arn[artifact]]
  }

  dynamic "statement" {
    for_each = length(each.value.outputs) == 0 ? [] : [each.value.outputs]

    content {
      sid       = "WriteArtifacts"
      actions   = ["s3:PutObject"]
      resources = [for artifact in statement.value : local.artifact_arn[artifact]]
    }
  }

  statement {
    sid       = "FindArtifacts"
    actions   = ["s3:GetBucketAcl", "s3:GetBucketLocation"]
    resources = [aws_s3_bucket.artifacts.arn]
  }

  dynamic "statement" {
    for_each = each.value.cache == "S3" ? [each.value.slug] : []

    content {
      sid       = "KeepCache"
      actions   = ["s3:GetObject", "s3:PutObject"]
      resources = ["${aws_s3_bucket.artifacts.arn}/cache/${statement.value}/*"]
    }
  }

  # Reads this repository, and no other that the connection reaches.
  statement {
    sid       = "CloneRepository"
    actions   = local.use_connection
    resources = [var.connection_arn]

    dynamic "condition" {
      for_each = toset(["codeconnections", "codestar-connections"])

      content {
        test     = "StringEqualsIfExists"
        variable = "${condition.value}:FullRepositoryId"
        values   = [var.repository]
      }
    }

    dynamic "condition" {
      for_each = toset(["codeconnections", "codestar-connections"])

      content {
        test     = "StringEqualsIfExists"
        variable = "${condition.value}:ProviderPermissionsRequired"
        values   = ["read_only"]
      }
    }
  }

  dynamic "statement" {
    for_each = each.value.reports ? [each.value.slug] : []

    content {
      sid = "WriteReports"
      actions = [
        "codebuild:BatchPutCodeCoverages", "codebuild:BatchPutTestCases",
        "codebuild:CreateReport", "codebuild:CreateReportGroup", "codebuild:UpdateReport",
      ]
      resources = [format(local.regional, "codebuild", "report-group/${local.name}-${statement.value}-*")]
    }
  }
}

resource "aws_iam_role_policy" "action" {
  for_each = local.actions

  name   = "run"
  role   = aws_iam_role.action[each.key].id
  policy = data.aws_iam_policy_document.action[each.key].json
}

# ---------------------------------------------------------------------------------------------------------------------
# State: DeployECR and DeployApp each have their own stack's, of their own environment
# ---------------------------------------------------------------------------------------------------------------------

data "aws_iam_policy_document" "state" {
  for_each = { DeployECR = "ecr", DeployApp = "app" }

  statement {
    sid       = "ReadState"
    actions   = ["s3:GetObject"]
    resources = ["${local.state_bucket_arn}/${each.value}/${var.env}/*", "${local.state_bucket_arn}/${each.value}/terraform.tfstate"]
  }

  statement {
    sid       = "WriteState"
    actions   = ["s3:PutObject"]
    resources = ["${local.state_bucket_arn}/${each.value}/${var.env}/*"]
  }

  statement {
    sid       = "Unlock"
    actions   = ["s3:DeleteObject"]
    resources = ["${local.state_bucket_arn}/${each.value}/${var.env}/*.tflock"]
  }

  # Without the right to list, S3 says 'denied' of a state that is not there yet; that question carries no prefix.
  statement {
    sid       = "FindState"
    actions   = ["s3:ListBucket"]
    resources = [local.state_bucket_arn]

    condition {
      test     = "StringLikeIfExists"
      variable = "s3:prefix"
      values   = ["${each.value}/*"]
    }
  }
}

resource "aws_iam_role_policy" "state" {
  for_each = data.aws_iam_policy_document.state

  name   = "state"
  role   = aws_iam_role.action[each.key].id
  policy = each.value.json
}
