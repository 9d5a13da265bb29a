# Renders the permission tables. Each role has a table, permissions_ROLE.tf, that says who may do what and why; this file
# turns the rows into policies. A row has:
#   sid, why, actions, resources
#   request_tags    tags that the call has to set, so that what it creates is the environment's
#   resource_tags   tags that the resource has to carry already, so that it is the environment's
#   conditions      anything else, as [operator, key, values]
#   effect          "Deny", or left out for "Allow"

locals {
  # Inline policies, by role and name.
  inline_permissions = merge(
    { for action in keys(local.actions) : "${action}/run" => local.permissions_of_every_action[action] },
    { for action in keys(local.state_of) : "${action}/state" => local.permissions_of_state[action] },
    {
      "DeployECR/deploy-ecr" = local.permissions_deploy_ecr
      "Pipeline/run"         = local.permissions_pipeline
      "Toolbox/run"          = local.permissions_toolbox
    },
    merge([for env, of in local.environments : merge(
      {
        "DeployApp${of.suffix}/verify-image"              = local.permissions_verify_image
        "UpdateECSService${of.suffix}/update-ecs-service" = local.permissions_update_ecs_service[env]
        "Verify${of.suffix}/measure"                      = local.permissions_verify_measure[env]
      },
      # What looks at a new version, and takes it back.
      merge([for action in concat(["Verify", "Accept"], [for service in of.one_box : "Bake"]) : {
        "${action}${of.suffix}/verify"       = local.permissions_verify[env]
        "${action}${of.suffix}/verify-image" = local.permissions_verify_image
        "${action}${of.suffix}/roll-back"    = local.permissions_verify_roll_back[env]
      }]...),
      { for service in of.one_box : "Bake${of.suffix}/bake" => local.permissions_bake },
    )]...),
    { for role in length(local.pull_requests) == 0 ? [] : ["PullRequest"] : "${role}/run" => local.permissions_pull_request },
  )

  # DeployApp's are managed policies, because an inline one would be too long. IAM's limit is 6144 characters each.
  permissions_deploy_app = {
    network       = local.permissions_deploy_app_network
    load-balancer = local.permissions_deploy_app_load_balancer
    observability = local.permissions_deploy_app_observability
    roles         = local.permissions_deploy_app_roles
    service       = local.permissions_deploy_app_service
  }
  managed_permissions = merge([for env, of in local.environments : {
    for policy, rows in local.permissions_deploy_app : "${policy}${of.suffix}" => rows[env]
  }]...)

  role_names = merge(
    { for action, role in aws_iam_role.action : action => role.name },
    { for role in aws_iam_role.pull_request : "PullRequest" => role.name },
    { for action, role in aws_iam_role.update_ecs_service : action => role.name },
    { Pipeline = aws_iam_role.pipeline.name, Toolbox = aws_iam_role.toolbox.name },
  )
}

data "aws_iam_policy_document" "permissions" {
  #checkov:skip=CKV_AWS_109:The resources stand in the tables; tests/infra checks each rendered statement.
  #checkov:skip=CKV_AWS_111:As above.
  #checkov:skip=CKV_AWS_356:As above.
  for_each = merge(local.inline_permissions, local.managed_permissions)

  dynamic "statement" {
    for_each = each.value

    content {
      sid       = statement.value.sid
      effect    = try(statement.value.effect, "Allow")
      actions   = statement.value.actions
      resources = statement.value.resources

      dynamic "condition" {
        for_each = concat(
          [for tag, value in try(statement.value.request_tags, {}) : ["StringEquals", "aws:RequestTag/${tag}", [value]]],
          [for tag, value in try(statement.value.resource_tags, {}) : ["StringEquals", "aws:ResourceTag/${tag}", [value]]],
          try(statement.value.conditions, []),
        )

        content {
          test     = condition.value[0]
          variable = condition.value[1]
          values   = condition.value[2]
        }
      }
    }
  }
}

resource "aws_iam_role_policy" "this" {
  for_each = local.inline_permissions

  name   = split("/", each.key)[1]
  role   = local.role_names[split("/", each.key)[0]]
  policy = data.aws_iam_policy_document.permissions[each.key].json
}

resource "aws_iam_policy" "deploy_app" {
  for_each = local.managed_permissions

  name        = "${local.name}-deploy-app-${each.key}"
  description = "What the action DeployApp of the pipeline ${local.name} may do: ${each.key}."
  policy      = data.aws_iam_policy_document.permissions[each.key].json
}

resource "aws_iam_role_policy_attachment" "deploy_app" {
  for_each = merge([for env, of in local.environments : {
    for policy in keys(local.permissions_deploy_app) : "${policy}${of.suffix}" => "DeployApp${of.suffix}"
  }]...)

  role       = aws_iam_role.action[each.value].name
  policy_arn = aws_iam_policy.deploy_app[each.key].arn
}
