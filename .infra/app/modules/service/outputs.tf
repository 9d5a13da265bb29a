# What the caller shows people.

output "service_name" {
  description = "Name of the ECS service."
  value       = aws_ecs_service.this.name
}

output "log_group_name" {
  description = "Name of the log group."
  value       = aws_cloudwatch_log_group.this.name
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

output "rule" {
  description = "The listener rule of port 80: its priority, the host names that it takes (none for all), and where it redirects to, if it does."
  value = {
    priority     = aws_lb_listener_rule.this.priority
    hosts        = flatten([for condition in aws_lb_listener_rule.this.condition : [for header in condition.host_header : tolist(header.values)]])
    redirects_to = one(flatten([for action in aws_lb_listener_rule.this.action : [for redirect in action.redirect : "${lower(redirect.protocol)}://${redirect.host}:${redirect.port}"]]))
  }
}
