# How it runs: a rolling update that never goes below what is needed and rolls itself back.

resource "aws_ecs_service" "this" {
  #checkov:skip=CKV_AWS_333:Only in the egress mode public_ip, where the security group lets only the load balancer in.
  name            = var.name
  cluster         = var.cluster_name
  task_definition = aws_ecs_task_definition.this.arn
  desired_count   = var.scaling.min_tasks

  # Spot comes on top of the floor. A changed share is a new deployment, not a new service.
  force_new_deployment = true

  capacity_provider_strategy {
    capacity_provider = "FARGATE"
    base              = var.scaling.min_tasks
    weight            = max(1, 100 - var.fargate_spot_percent) # with 0 there would be no floor on it
  }

  dynamic "capacity_provider_strategy" {
    for_each = var.fargate_spot_percent > 0 ? [var.fargate_spot_percent] : []

    content {
      capacity_provider = "FARGATE_SPOT"
      weight            = capacity_provider_strategy.value
    }
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [var.security_group_id]
    assign_public_ip = var.assign_public_ip
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.this.arn
    container_name   = local.container
    container_port   = var.port
  }

  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = 30
  availability_zone_rebalancing      = "ENABLED"

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  # What the service does wrong, never what its clients do wrong.
  alarms {
    enable      = true
    rollback    = true
    alarm_names = concat([aws_cloudwatch_metric_alarm.errors.alarm_name, aws_cloudwatch_metric_alarm.unhealthy.alarm_name], var.shared_alarm_names)
  }

  enable_execute_command  = false # there is no shell in the image
  enable_ecs_managed_tags = true
  propagate_tags          = "SERVICE"

  # An apply ends when the new tasks serve, or says that they don't.
  wait_for_steady_state = true

  timeouts {
    create = "15m"
    update = "15m"
    delete = "15m"
  }

  lifecycle {
    ignore_changes = [desired_count] # autoscaling's
  }

  # ECS takes a target group only once a listener uses it.
  depends_on = [aws_lb_listener_rule.this, aws_lb_listener_rule.https, var.starts_after]
}
