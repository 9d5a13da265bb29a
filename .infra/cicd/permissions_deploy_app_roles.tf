# DeployApp, the roles of tasks: only under the environment's name, and only with the permissions boundary, which it has no
# right to change or to take off. So whatever it puts into a role, the role can do no more than the boundary lets it.

locals {
  service_role_arns = [
    for pair in setproduct(local.services, ["execution", "task"]) : format(local.iam, "role/${local.app}-${pair[0]}-${pair[1]}")
  ]
}

data "aws_iam_policy_document" "deploy_app_roles" {
  statement {
    sid       = "BoundedRoles"
    actions   = ["iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePolicy"]
    resources = local.service_role_arns

    condition {
      test     = "StringEquals"
      variable = "iam:PermissionsBoundary"
      values   = [local.boundary]
    }
  }

  statement {
    sid = "NamedRoles"
    actions = [
      "iam:DeleteRole", "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies",
      "iam:ListInstanceProfilesForRole", "iam:ListRolePolicies", "iam:TagRole", "iam:UntagRole",
      "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription",
    ]
    resources = local.service_role_arns
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

  # A role could be told to trust whoever made it. Even bounded, it is for tasks alone.
  statement {
    sid       = "TakeNoRole"
    effect    = "Deny"
    actions   = ["sts:AssumeRole"]
    resources = ["*"] # a Deny
  }

  # On first use in an account. AWS writes what these roles may do, and nobody can change it.
  statement {
    sid       = "ServiceLinkedRoles"
    actions   = ["iam:CreateServiceLinkedRole"]
    resources = [format(local.iam, "role/aws-service-role/*")]

    condition {
      test     = "StringEquals"
      variable = "iam:AWSServiceName"
      values = [
        "ecs.amazonaws.com", "ecs.application-autoscaling.amazonaws.com", "elasticloadbalancing.amazonaws.com",
        "wafv2.amazonaws.com",
      ]
    }
  }
}
