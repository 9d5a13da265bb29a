# How the load balancer finds the tasks, and when it trusts one: short intervals, so that a new task serves and an old
# one is let go within seconds.

resource "aws_lb_target_group" "this" {
  #checkov:skip=CKV_AWS_378:TLS ends at the load balancer; behind it only its security group reaches the tasks.
  name        = coalesce(var.target_group_name, local.full_name)
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

# Port 80: serves, or redirects once HTTPS serves. It is changed in place, so that there is no moment without a rule.
resource "aws_lb_listener_rule" "this" {
  listener_arn = var.listener_arn
  priority     = var.rule_priority

  dynamic "action" {
    for_each = var.https == null ? [aws_lb_target_group.this.arn] : []

    content {
      type             = "forward"
      target_group_arn = action.value
    }
  }

  dynamic "action" {
    for_each = var.https == null ? [] : [var.https.host]

    content {
      type = "redirect"

      redirect {
        host        = action.value
        port        = "443"
        protocol    = "HTTPS"
        status_code = "HTTP_301"
      }
    }
  }

  condition {
    dynamic "host_header" {
      for_each = length(var.hosts) > 0 ? [var.hosts] : []

      content {
        values = host_header.value
      }
    }

    dynamic "http_header" {
      for_each = var.header == null ? [] : [var.header]

      content {
        http_header_name = http_header.value
        values           = ["*"]
      }
    }

    # A rule needs a condition; this one is always met.
    dynamic "path_pattern" {
      for_each = length(var.hosts) == 0 && var.header == null ? [["/*"]] : []

      content {
        values = path_pattern.value
      }
    }
  }

  tags = { Name = local.full_name }

  # A name that does not lead here yet must not be redirected to.
  depends_on = [aws_lb_listener_rule.https, var.redirects_after]
}

resource "aws_lb_listener_rule" "https" {
  count = var.https == null ? 0 : 1

  listener_arn = var.https.listener_arn
  priority     = var.rule_priority

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }

  condition {
    dynamic "host_header" {
      for_each = length(var.hosts) > 0 ? [var.hosts] : []

      content {
        values = host_header.value
      }
    }

    dynamic "http_header" {
      for_each = var.header == null ? [] : [var.header]

      content {
        http_header_name = http_header.value
        values           = ["*"]
      }
    }

    # A rule needs a condition; this one is always met.
    dynamic "path_pattern" {
      for_each = length(var.hosts) == 0 && var.header == null ? [["/*"]] : []

      content {
        values = path_pattern.value
      }
    }
  }

  tags = { Name = local.full_name }

  # When the domain goes, port 80 serves again before this stops.
  lifecycle {
    create_before_destroy = true
  }
}
