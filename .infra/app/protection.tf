# Stops `terraform destroy` before it has destroyed anything, as long as the environment is protected. Terraform's own
# prevent_destroy can't be switched by a variable, and AWS's protections refuse only when half of the rest is gone. This
# depends on all that matters, so it is the first to go; when it refuses, so does everything else.

resource "terraform_data" "protection" {
  input = { env = var.env, protect = var.protect }

  provisioner "local-exec" {
    when    = destroy
    command = self.input.protect ? "echo 'The environment ${self.input.env} is protected: apply with protect = false first.' >&2; exit 1" : "true"
  }

  depends_on = [
    aws_cloudwatch_dashboard.this,
    aws_cloudwatch_event_target.alarm_over,
    aws_cloudwatch_event_target.outside,
    aws_cloudwatch_metric_alarm.alb_5xx,
    aws_lb_listener.http,
    aws_lb_listener.https,
    aws_lb_listener_certificate.customer,
    aws_lb_listener_rule.one_box,
    aws_nat_gateway.this,
    aws_route.private_nat,
    aws_route.public_internet,
    aws_route53_record.alias,
    aws_route53_record.customer_alias,
    aws_s3_bucket_lifecycle_configuration.access_logs,
    aws_s3_bucket_ownership_controls.access_logs,
    aws_s3_bucket_policy.access_logs,
    aws_s3_bucket_server_side_encryption_configuration.access_logs,
    aws_sns_topic_policy.alarms,
    aws_sns_topic_subscription.email,
    aws_vpc_endpoint.interface,
    aws_vpc_endpoint.s3,
    aws_vpc_security_group_ingress_rule.alb_http,
    aws_vpc_security_group_ingress_rule.alb_https,
    aws_wafv2_web_acl_association.this,
    aws_wafv2_web_acl_logging_configuration.this,
    module.api,
    module.customer,
    terraform_data.fixed,
    terraform_data.replacement,
  ]
}
