# How many run: between floor and ceiling, by what is scarcer, CPU or the requests that one task can take.

resource "aws_appautoscaling_target" "this" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${var.cluster_name}/${aws_ecs_service.this.name}"
  min_capacity       = var.scaling.min_tasks
  max_capacity       = var.scaling.max_tasks
}

resource "aws_appautoscaling_policy" "this" {
  for_each = {
    cpu      = { metric = "ECSServiceAverageCPUUtilization", target = var.scaling.cpu_percent, label = null }
    requests = { metric = "ALBRequestCountPerTarget", target = var.scaling.requests_per_minute, label = "${var.alb_arn_suffix}/${aws_lb_target_group.this.arn_suffix}" }
  }

  name               = "${local.full_name}-${each.key}"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  resource_id        = aws_appautoscaling_target.this.resource_id

  target_tracking_scaling_policy_configuration {
    target_value = each.value.target

    # Quick to grow, slow to shrink.
    scale_out_cooldown = 60
    scale_in_cooldown  = 300

    predefined_metric_specification {
      predefined_metric_type = each.value.metric
      resource_label         = each.value.label
    }
  }
}
