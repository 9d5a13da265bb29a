# The service of the environment, for everybody. Terraform owns everything about it but which image runs and how many tasks.

locals {
  port       = 8080 # the API; the load balancer and the security groups let nothing else through
  admin_port = 9090 # metrics and profiles, for whoever is inside the task's network
}

module "api" {
  source = "./modules/service"

  name                 = "api"
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
  scaling              = var.scaling
  fargate_spot_percent = var.fargate_spot_percent
  starts_after         = local.tasks_start_after

  listener_arn    = aws_lb_listener.http.arn
  https           = local.https ? { listener_arn = local.https_listener_arn, host = var.domain_name } : null
  redirects_after = local.redirects_after
  rule_priority   = 50000 # the last one: it takes what no other service's host name does
  alb_arn_suffix  = aws_lb.this.arn_suffix

  deregistration_delay = local.deregistration_delay

  log_retention_days = var.log_retention_days
  kms_key_arn        = data.aws_kms_alias.environments.target_key_arn
  alarm_topic_arn    = aws_sns_topic.alarms.arn
  alarm_thresholds   = var.alarm_thresholds
  shared_alarm_names = [aws_cloudwatch_metric_alarm.alb_5xx.alarm_name]
}

# What every service of the environment gets.
locals {
  # The service takes at most twice REQUEST_TIMEOUT for a request: to read it and make the answer, and to send that.
  deregistration_delay = 2 * tonumber(trimsuffix(local.environment.REQUEST_TIMEOUT, "s")) + 5

  permissions_boundary_arn = "arn:${local.partition}:iam::${local.account_id}:policy/${var.permissions_boundary}"
  task_subnet_ids          = [for zone in local.zone_names : local.private ? aws_subnet.private[zone].id : aws_subnet.public[zone].id]

  # Without a way out and an open port, the first tasks could neither pull their image nor become healthy. An argument,
  # because `depends_on` would have Terraform plan the module's policies anew whenever one of these changes.
  tasks_start_after = concat(
    [aws_route.public_internet.id, aws_vpc_security_group_egress_rule.alb_tasks.id, aws_vpc_security_group_ingress_rule.tasks_alb.id],
    aws_route.private_nat[*].id,
    aws_vpc_endpoint.s3[*].id,
    aws_vpc_security_group_egress_rule.tasks_endpoints[*].id,
    aws_vpc_security_group_egress_rule.tasks_https[*].id,
    aws_vpc_security_group_egress_rule.tasks_s3[*].id,
    aws_vpc_security_group_ingress_rule.endpoints_tasks[*].id,
    values(aws_route_table_association.private)[*].id,
    [terraform_data.replacement.id],
    values(aws_route_table_association.public)[*].id,
    values(aws_vpc_endpoint.interface)[*].id,
  )

  # The drain outlasts the two failed health checks after which no new request comes, ten seconds; the drain, the shutdown
  # and the last export of spans together end before ECS kills the task, 30 seconds after it asked.
  environment = merge(
    {
      DRAIN_DELAY      = "12s"
      SHUTDOWN_TIMEOUT = "15s"
      REQUEST_TIMEOUT  = "10s"
      # The collector gets busy before the kernel ends the task.
      GOMEMLIMIT = "${floor(var.memory * 0.9)}MiB"
      # Only the load balancer may say whom it speaks for.
      TRUSTED_PROXIES = join(",", [for zone in local.zone_names : aws_subnet.public[zone].cidr_block])
    },
    var.environment,
    {
      PORT       = tostring(local.port)
      ADMIN_PORT = tostring(local.admin_port)
    },
  )
}
