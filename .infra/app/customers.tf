# A service per customer, from the module that api is made from: the same image, behind the same load balancer, with its own
# setting, scaling, alarms and roles. Adding or removing one changes nothing of the others.

module "customer" {
  source   = "./modules/service"
  for_each = var.customers

  name                 = "customer-${each.key}"
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
  environment          = merge(local.environment, { CUSTOMER_NAME = each.value.name })
  secrets              = var.secrets
  secrets_kms_key_arns = var.secrets_kms_key_arns

  cluster_name         = aws_ecs_cluster_capacity_providers.this.cluster_name
  vpc_id               = aws_vpc.this.id
  subnet_ids           = local.task_subnet_ids
  security_group_id    = aws_security_group.tasks.id
  assign_public_ip     = !local.private
  scaling              = { for setting, value in each.value.scaling : setting => coalesce(value, var.scaling[setting]) }
  fargate_spot_percent = var.fargate_spot_percent
  starts_after         = local.tasks_start_after

  listener_arn = aws_lb_listener.http.arn
  https        = local.https ? { listener_arn = local.https_listener_arn, host = each.value.host } : null
  # The name leads here, and the certificate is in place.
  redirects_after = concat(local.redirects_after, [for key in local.https ? [each.key] : [] : aws_lb_listener_certificate.customer[key].id], [for key in local.https ? [each.key] : [] : aws_route53_record.customer_alias[key].id])
  hosts           = [each.value.host]
  # From the key alone, below api's 50000: counted through, a new customer would move the rules of others.
  rule_priority  = 1 + parseint(substr(sha256(each.key), 0, 8), 16) % 49999
  alb_arn_suffix = aws_lb.this.arn_suffix

  deregistration_delay = local.deregistration_delay

  log_retention_days = var.log_retention_days
  kms_key_arn        = data.aws_kms_alias.environments.target_key_arn
  alarm_topic_arn    = aws_sns_topic.alarms.arn
  alarm_thresholds   = var.alarm_thresholds
  shared_alarm_names = [aws_cloudwatch_metric_alarm.alb_5xx.alarm_name]
}

# ---------------------------------------------------------------------------------------------------------------------
# With a domain: a certificate per customer beside the domain's own, which stays unchanged
# ---------------------------------------------------------------------------------------------------------------------

locals {
  customer_hosts = local.https ? { for key, customer in var.customers : key => customer.host } : {}
}

data "aws_route53_zone" "customers" {
  count = length(local.customer_hosts) > 0 ? 1 : 0

  zone_id = var.hosted_zone_id

  # A record of a host elsewhere would get the zone's name appended, and the certificate would wait for it in vain.
  lifecycle {
    postcondition {
      condition     = alltrue([for host in values(local.customer_hosts) : endswith(".${host}", ".${trimsuffix(self.name, ".")}")])
      error_message = "Give customers hosts in the zone of hosted_zone_id, which is ${self.name}: not so ${join(", ", [for host in values(local.customer_hosts) : host if !endswith(".${host}", ".${trimsuffix(self.name, ".")}")])}."
    }
  }
}

resource "aws_acm_certificate" "customer" {
  for_each = local.customer_hosts

  domain_name       = each.value
  validation_method = "DNS"

  # A new certificate is in place before the old one goes.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "customer_validation" {
  for_each = local.customer_hosts

  zone_id         = data.aws_route53_zone.customers[0].zone_id
  name            = one(aws_acm_certificate.customer[each.key].domain_validation_options).resource_record_name
  type            = one(aws_acm_certificate.customer[each.key].domain_validation_options).resource_record_type
  records         = [one(aws_acm_certificate.customer[each.key].domain_validation_options).resource_record_value]
  ttl             = 60
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "customer" {
  for_each = local.customer_hosts

  certificate_arn         = aws_acm_certificate.customer[each.key].arn
  validation_record_fqdns = [aws_route53_record.customer_validation[each.key].fqdn]
}

resource "aws_lb_listener_certificate" "customer" {
  for_each = local.customer_hosts

  listener_arn    = aws_lb_listener.https[0].arn
  certificate_arn = aws_acm_certificate_validation.customer[each.key].certificate_arn

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "customer_alias" {
  for_each = local.customer_hosts

  zone_id = data.aws_route53_zone.customers[0].zone_id
  name    = each.value
  type    = "A"

  alias {
    name                   = aws_lb.this.dns_name
    zone_id                = aws_lb.this.zone_id
    evaluate_target_health = true
  }

  lifecycle {
    create_before_destroy = true
  }
}

output "customer_urls" {
  description = "URL of each customer's service, without a slash at its end."
  value       = { for key, customer in var.customers : key => "${local.https ? "https" : "http"}://${customer.host}" }
}
