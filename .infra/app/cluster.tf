# Where tasks run. Fargate only: there are no machines to look after.

resource "aws_ecs_cluster" "this" {
  #checkov:skip=CKV_AWS_65:Container Insights is on unless the variable container_insights switches it off.
  name = local.name

  setting {
    name  = "containerInsights"
    value = var.container_insights
  }

  # Otherwise ECS makes the group of Container Insights itself, and its logs never expire.
  depends_on = [aws_cloudwatch_log_group.container_insights]
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]
}

locals {
  container_insights_log_group = "/aws/ecs/containerinsights/${local.name}/performance"
}

# ECS writes its last measurements after the cluster is gone, and makes the group again for them. An environment that is
# made again takes over what it finds.
data "aws_cloudwatch_log_groups" "container_insights" {
  log_group_name_prefix = local.container_insights_log_group
}

import {
  for_each = setintersection(data.aws_cloudwatch_log_groups.container_insights.log_group_names, [local.container_insights_log_group])
  to       = aws_cloudwatch_log_group.container_insights
  id       = each.key
}

resource "aws_cloudwatch_log_group" "container_insights" {
  #checkov:skip=CKV_AWS_338:log_retention_days decides; a year of measurements is not worth its price to most.
  name              = local.container_insights_log_group
  retention_in_days = var.log_retention_days
  kms_key_id        = data.aws_kms_alias.environments.target_key_arn
}
