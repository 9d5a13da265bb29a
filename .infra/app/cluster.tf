# Where tasks run. Fargate only: there are no machines to look after.

resource "aws_ecs_cluster" "this" {
  #checkov:skip=CKV_AWS_65:Container Insights is on unless the variable container_insights switches it off.
  name = local.name

  setting {
    name  = "containerInsights"
    value = var.container_insights
  }

  # ECS would make the group of Container Insights itself, and leave it behind.
  depends_on = [aws_cloudwatch_log_group.container_insights]
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]
}

resource "aws_cloudwatch_log_group" "container_insights" {
  #checkov:skip=CKV_AWS_338:log_retention_days decides; a year of measurements is not worth its price to most.
  name              = "/aws/ecs/containerinsights/${local.name}/performance"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}
