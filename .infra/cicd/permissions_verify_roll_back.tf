# Verify, when the pushed image fails: has each service run a copy of its revision with the image that ran before.

data "aws_iam_policy_document" "verify_roll_back" {
  #checkov:skip=CKV_AWS_111:RegisterTaskDefinition has no resource-level permission; which roles a task gets is limited below.
  #checkov:skip=CKV_AWS_356:As above.
  statement {
    sid       = "CopyRevision"
    actions   = ["ecs:RegisterTaskDefinition"]
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

resource "aws_iam_role_policy" "verify_roll_back" {
  name   = "roll-back"
  role   = aws_iam_role.action["Verify"].id
  policy = data.aws_iam_policy_document.verify_roll_back.json
}
