# One role per action, and one for the pipeline itself, which may do no more than start them. What they may do is in the
# tables permissions_*.tf.

data "aws_iam_policy_document" "assume" {
  for_each = merge(
    { for action, settings in local.actions : action => {
      service = "codebuild.amazonaws.com"
      arn     = format(local.regional, "codebuild", "project/${local.name}-${settings.slug}")
    } },
    { Toolbox = {
      service = "codebuild.amazonaws.com"
      arn     = format(local.regional, "codebuild", "project/${local.name}-toolbox")
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
