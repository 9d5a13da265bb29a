# One box: a service of one task, which a new version is deployed to before all others get it. It has a target group of its own, so that
# its errors and its latency are seen apart.

locals {
  one_box = var.one_box_percent > 0 ? ["api-onebox"] : []
}

module "one_box" {
  source   = "./modules/service"
  for_each = toset(local.one_box)

  name                 = each.key
  target_group_name    = "app-${var.env}-box" # as long as api's: 32 characters have to do
  env                  = var.env
  region               = var.region
  partition            = local.partition
  account_id           = local.account_id
  permissions_boundary = local.permissions_boundary_arn

  image                = var.image
  cpu_architecture     = var.cpu_architecture
  cpu                  = var.cpu
  memory               = var.memory
  port                 = local.port
  environment          = local.environment
  secrets              = var.secrets
  secrets_kms_key_arns = var.secrets_kms_key_arns

  cluster_name         = aws_ecs_cluster_capacity_providers.this.cluster_name
  vpc_id               = aws_vpc.this.id
  subnet_ids           = local.task_subnet_ids
  security_group_id    = aws_security_group.tasks.id
  assign_public_ip     = !local.private
  scaling              = merge(var.scaling, { min_tasks = 1, max_tasks = 1 })
  fargate_spot_percent = 0
  starts_after         = local.tasks_start_after

  listener_arn    = aws_lb_listener.http.arn
  https           = local.https ? { listener_arn = local.https_listener_arn, host = var.domain_name } : null
  redirects_after = local.redirects_after
  # Whoever tests the one box asks for it; the last rules but one, after those for host names.
  header         = "X-One-Box"
  rule_priority  = 49998
  alb_arn_suffix = aws_lb.this.arn_suffix

  deregistration_delay = local.deregistration_delay

  log_retention_days = var.log_retention_days
  kms_key_arn        = data.aws_kms_alias.environments.target_key_arn
  alarm_topic_arn    = aws_sns_topic.alarms.arn
  alarm_thresholds   = var.alarm_thresholds
  shared_alarm_names = [aws_cloudwatch_metric_alarm.alb_5xx.alarm_name]
}

# The share of all requests is a rule of its own before api's, which stays as it is: it comes once the one box serves, and goes before the
# one box does.
resource "aws_lb_listener_rule" "one_box" {
  for_each = module.one_box

  listener_arn = local.https ? local.https_listener_arn : aws_lb_listener.http.arn
  priority     = 49999

  action {
    type = "forward"

    forward {
      target_group {
        arn    = module.api.target_group_arn
        weight = 100 - var.one_box_percent
      }

      target_group {
        arn    = each.value.target_group_arn
        weight = var.one_box_percent
      }
    }
  }

  condition {
    path_pattern {
      values = ["/*"]
    }
  }

  tags = { Name = "app-${var.env}-one-box-share" }
}
