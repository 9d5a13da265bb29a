# How the load balancer finds the tasks, and when it trusts one: short intervals, so that a new task serves and an old
# one is let go within seconds.

resource "aws_lb_target_group" "this" {
  #checkov:skip=CKV_AWS_378:TLS ends at the load balancer; behind it only its security group reaches the tasks.
  name        = local.full_name
  target_type = "ip"
  protocol    = "HTTP"
  port        = var.port
  vpc_id      = var.vpc_id

  # A task that leaves may still finish what it has: this is longer than any request.
  deregistration_delay          = var.deregistration_delay
  load_balancing_algorithm_type = "least_outstanding_requests"

  health_check {
    path                = "/readyz"
    matcher             = "200"
    interval            = 5
    timeout             = 2
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_listener_rule" "this" {
  listener_arn = var.listener_arn
  priority     = var.rule_priority

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }

  dynamic "condition" {
    for_each = length(var.hosts) > 0 ? [var.hosts] : []

    content {
      host_header {
        values = condition.value
      }
    }
  }

  # A rule needs a condition; this one is always met.
  dynamic "condition" {
    for_each = length(var.hosts) > 0 ? [] : [["/*"]]

    content {
      path_pattern {
        values = condition.value
      }
    }
  }

  tags = { Name = local.full_name }
}
