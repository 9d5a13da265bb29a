# What the caller shows people.

output "service_name" {
  description = "Name of the ECS service."
  value       = aws_ecs_service.this.name
}

output "log_group_name" {
  description = "Name of the log group."
  value       = aws_cloudwatch_log_group.this.name
}

output "target_group_arn" {
  description = "ARN of the target group, once tasks serve in it."
  value       = aws_lb_target_group.this.arn

  depends_on = [aws_ecs_service.this]
}

output "target_group_name" {
  description = "Name of the target group."
  value       = aws_lb_target_group.this.name
}

output "target_group_arn_suffix" {
  description = "The target group's name in metrics."
  value       = aws_lb_target_group.this.arn_suffix
}

output "alarm_arns" {
  description = "ARNs of the service's alarms."
  value = [
    aws_cloudwatch_metric_alarm.no_task.arn,
    aws_cloudwatch_metric_alarm.unhealthy.arn,
    aws_cloudwatch_metric_alarm.errors.arn,
    aws_cloudwatch_metric_alarm.latency.arn,
    aws_cloudwatch_metric_alarm.throttled.arn,
  ]
}

output "scaling" {
  description = "Floor and ceiling of the number of tasks."
  value       = { floor = aws_appautoscaling_target.this.min_capacity, ceiling = aws_appautoscaling_target.this.max_capacity }
}

output "rule" {
  description = "The listener rule of port 80: its priority, the host names (none for all) or the header that it takes, and where it redirects to, if it does."
  value = {
    priority     = aws_lb_listener_rule.this.priority
    header       = one(flatten([for condition in aws_lb_listener_rule.this.condition : condition.http_header[*].http_header_name]))
    hosts        = flatten([for condition in aws_lb_listener_rule.this.condition : [for header in condition.host_header : tolist(header.values)]])
    redirects_to = one(flatten([for action in aws_lb_listener_rule.this.action : [for redirect in action.redirect : "${lower(redirect.protocol)}://${redirect.host}:${redirect.port}"]]))
  }
}
