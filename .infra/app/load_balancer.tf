# One load balancer for all services of the environment. A service adds its own rule to the listener that serves, so
# that what no service claims is answered with 404 here.

resource "aws_lb" "this" {
  #checkov:skip=CKV_AWS_150:The variable protect decides; a test environment has to go away again.
  #checkov:skip=CKV2_AWS_20:Without a domain there is no certificate; with one, port 80 redirects.
  #checkov:skip=CKV2_AWS_28:The variable waf decides; it has a monthly price.
  #checkov:skip=CKV2_AWS_76:As above; with waf on, the rules for known bad input are there, and no Java is behind it.
  name               = local.name
  load_balancer_type = "application"
  internal           = false
  security_groups    = [aws_security_group.alb.id]
  subnets            = [for zone in local.zone_names : aws_subnet.public[zone].id]

  drop_invalid_header_fields = true
  enable_deletion_protection = var.protect

  access_logs {
    bucket  = aws_s3_bucket.access_logs.id
    enabled = true
  }

  tags = { Name = local.name }

  # The load balancer proves that it can write its logs before it comes up.
  depends_on = [aws_s3_bucket_policy.access_logs]
}

# Each service has a rule here that serves, or redirects to HTTPS when there is a domain.
resource "aws_lb_listener" "http" {
  #checkov:skip=CKV_AWS_2:Without a domain there is no certificate; with one, this listener redirects.
  #checkov:skip=CKV_AWS_103:TLS ends at the HTTPS listener.
  load_balancer_arn = aws_lb.this.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = local.not_found.content_type
      message_body = local.not_found.message_body
      status_code  = local.not_found.status_code
    }
  }
}

locals {
  # The same words as the service's own problem documents; the load balancer can't name their media type.
  not_found = {
    content_type = "application/json"
    message_body = jsonencode({ status = 404, title = "Not Found", detail = "No service answers at this host." })
    status_code  = "404"
  }
}
