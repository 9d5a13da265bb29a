# DeployApp, the roles of tasks: only under the environment's name, and only with the permissions boundary, which it has no
# right to change or to take off. So whatever it puts into a role, the role can do no more than the boundary lets it.

locals {
  permissions_deploy_app_roles = { for env, of in local.environments : env => [
    {
      sid        = "BoundedRoles"
      why        = "only with the boundary"
      actions    = ["iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePolicy"]
      resources  = local.service_role_arns[env]
      conditions = [["StringEquals", "iam:PermissionsBoundary", [local.boundary]]]
    },
    {
      sid = "NamedRoles"
      why = "the tasks' own, by their names"
      actions = [
        "iam:DeleteRole", "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies",
        "iam:ListInstanceProfilesForRole", "iam:ListRolePolicies", "iam:TagRole", "iam:UntagRole",
        "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription",
      ]
      resources = local.service_role_arns[env]
    },
    {
      sid        = "GiveTasksTheirRoles"
      why        = "to tasks, and to nothing else"
      actions    = ["iam:PassRole"]
      resources  = local.service_role_arns[env]
      conditions = [["StringEquals", "iam:PassedToService", ["ecs-tasks.amazonaws.com"]]]
    },
    {
      sid       = "TakeNoRole"
      why       = "a role could be told to trust whoever made it; even bounded, it is for tasks alone"
      effect    = "Deny"
      actions   = ["sts:AssumeRole"]
      resources = ["*"]
    },
    {
      sid       = "ServiceLinkedRoles"
      why       = "on first use in an account; AWS writes what these roles may do"
      actions   = ["iam:CreateServiceLinkedRole"]
      resources = [format(local.iam, "role/aws-service-role/*")]
      conditions = [["StringEquals", "iam:AWSServiceName", [
        "ecs.amazonaws.com", "ecs.application-autoscaling.amazonaws.com", "elasticloadbalancing.amazonaws.com",
        "wafv2.amazonaws.com",
      ]]]
    },
  ] }
}
