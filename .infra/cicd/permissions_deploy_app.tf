# DeployApp: applies the app stack. What it may touch carries the environment's name where a name is in the ARN, and the
# environment's tags where it is not. It can't destroy what would take the environment down with it: the network, the
# cluster, the load balancer, the key, the logs. A person does that, with rights of their own.
#
# Five policies, because each may be 6144 characters long: this file has the service's own, the others are the network, the
# load balancer, what is seen of it, and the roles of tasks.

locals {
  deploy_app = {
    network       = data.aws_iam_policy_document.deploy_app_network.json
    load-balancer = data.aws_iam_policy_document.deploy_app_load_balancer.json
    observability = data.aws_iam_policy_document.deploy_app_observability.json
    roles         = data.aws_iam_policy_document.deploy_app_roles.json
    service       = data.aws_iam_policy_document.deploy_app_service.json
  }

  # The tags that the app stack puts on all that it makes.
  app_tags = { Project = "clockmirror", Environment = var.env, Stack = "app" }
}

resource "aws_iam_policy" "deploy_app" {
  for_each = local.deploy_app

  name        = "${local.name}-deploy-app-${each.key}"
  description = "What the action DeployApp of the pipeline ${local.name} may do: ${each.key}."
  policy      = each.value
}

resource "aws_iam_role_policy_attachment" "deploy_app" {
  for_each = aws_iam_policy.deploy_app

  role       = aws_iam_role.action["DeployApp"].name
  policy_arn = each.value.arn
}

data "aws_iam_policy_document" "deploy_app_service" {
  #checkov:skip=CKV_AWS_111:CreateCluster and RegisterTaskDefinition have no resource-level permission.
  #checkov:skip=CKV_AWS_356:As above.
  statement {
    sid       = "CreateCluster"
    actions   = ["ecs:CreateCluster"]
    resources = ["*"] # no resource-level permission exists

    dynamic "condition" {
      for_each = local.app_tags

      content {
        test     = "StringEquals"
        variable = "aws:RequestTag/${condition.key}"
        values   = [condition.value]
      }
    }
  }

  statement {
    sid = "ClusterAndService"
    actions = [
      "ecs:CreateService", "ecs:DeleteService", "ecs:DescribeClusters", "ecs:DescribeServices", "ecs:ListTagsForResource",
      "ecs:PutClusterCapacityProviders", "ecs:TagResource", "ecs:UntagResource", "ecs:UpdateCluster",
      "ecs:UpdateClusterSettings", "ecs:UpdateService",
    ]
    resources = concat(
      [format(local.regional, "ecs", "cluster/${local.app}")],
      [for service in local.services : format(local.regional, "ecs", "service/${local.app}/${service}")],
    )
  }

  statement {
    sid       = "Revisions"
    actions   = ["ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition"]
    resources = ["*"] # no resource-level permission exists
  }

  statement {
    sid       = "TagRevisions"
    actions   = ["ecs:ListTagsForResource", "ecs:TagResource", "ecs:UntagResource"]
    resources = [for service in local.services : format(local.regional, "ecs", "task-definition/${local.app}-${service}:*")]
  }

  statement {
    sid = "Scaling"
    actions = [
      "application-autoscaling:DeleteScalingPolicy", "application-autoscaling:DeregisterScalableTarget",
      "application-autoscaling:ListTagsForResource", "application-autoscaling:PutScalingPolicy",
      "application-autoscaling:RegisterScalableTarget", "application-autoscaling:TagResource",
      "application-autoscaling:UntagResource",
    ]
    resources = [format(local.regional, "application-autoscaling", "scalable-target/*")] # AWS makes up their names

    # Only of ECS services.
    condition {
      test     = "StringEqualsIfExists"
      variable = "application-autoscaling:service-namespace"
      values   = ["ecs"]
    }
  }

  statement {
    sid       = "LookAtScaling"
    actions   = ["application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingPolicies"]
    resources = ["*"] # no resource-level permission exists
  }
}
