# Optional: known attacks and floods stop before the load balancer passes them on.
#
# Paths that take any text are not looked at by the groups that inspect texts: a body over 8 KB, a query over 2 KB or a text with
# <script> in it is documented use there. Rules that AWS adds later can't block it either.

locals {
  # The group, and which of its rules only count.
  managed_rules = [
    { name = "AWSManagedRulesAmazonIpReputationList", inspects_text = false, counts = [] },
    # Nothing in HTTP or in the API document asks for a User-Agent.
    { name = "AWSManagedRulesCommonRuleSet", inspects_text = true, counts = ["NoUserAgent_HEADER"] },
    { name = "AWSManagedRulesKnownBadInputsRuleSet", inspects_text = true, counts = [] },
  ]

  # Paths are compared as they are sent: one that is encoded in another way is looked at.
  text_paths = "^(${join("|", [for path in var.waf.text_paths : replace(path, ".", "\\.")])})$"
}

resource "aws_wafv2_web_acl" "this" {
  count = var.waf.enabled ? 1 : 0

  name        = local.name
  description = "In front of the load balancer of ${local.name}"
  scope       = "REGIONAL"

  default_action {
    allow {}
  }

  rule {
    name     = "rate-limit"
    priority = 0

    action {
      block {
        custom_response {
          response_code = 429
        }
      }
    }

    statement {
      rate_based_statement {
        aggregate_key_type = "IP"
        limit              = var.waf.rate_limit
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "rate-limit"
      sampled_requests_enabled   = true
    }
  }

  dynamic "rule" {
    for_each = local.managed_rules

    content {
      name     = rule.value.name
      priority = 1 + rule.key

      override_action {
        dynamic "count" {
          for_each = var.waf.managed_rules == "count" ? [true] : []
          content {}
        }

        dynamic "none" {
          for_each = var.waf.managed_rules == "block" ? [true] : []
          content {}
        }
      }

      statement {
        managed_rule_group_statement {
          vendor_name = "AWS"
          name        = rule.value.name

          dynamic "rule_action_override" {
            for_each = rule.value.counts

            content {
              name = rule_action_override.value

              action_to_use {
                count {}
              }
            }
          }

          dynamic "scope_down_statement" {
            for_each = rule.value.inspects_text ? [true] : []

            content {
              not_statement {
                statement {
                  regex_match_statement {
                    regex_string = local.text_paths

                    field_to_match {
                      uri_path {}
                    }

                    text_transformation {
                      priority = 0
                      type     = "NONE"
                    }
                  }
                }
              }
            }
          }
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = rule.value.name
        sampled_requests_enabled   = true
      }
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = local.name
    sampled_requests_enabled   = true
  }
}

resource "aws_wafv2_web_acl_association" "this" {
  count = var.waf.enabled ? 1 : 0

  resource_arn = aws_lb.this.arn
  web_acl_arn  = aws_wafv2_web_acl.this[0].arn
}

# WAF writes only to groups whose name begins like this.
resource "aws_cloudwatch_log_group" "waf" {
  #checkov:skip=CKV_AWS_338:log_retention_days decides.
  count = var.waf.enabled ? 1 : 0

  name              = "aws-waf-logs-${local.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = data.aws_kms_alias.environments.target_key_arn
}

resource "aws_wafv2_web_acl_logging_configuration" "this" {
  count = var.waf.enabled ? 1 : 0

  resource_arn            = aws_wafv2_web_acl.this[0].arn
  log_destination_configs = [aws_cloudwatch_log_group.waf[0].arn]

  # What no rule fits is in the access logs.
  logging_filter {
    default_behavior = "DROP"

    filter {
      behavior    = "KEEP"
      requirement = "MEETS_ANY"

      condition {
        action_condition {
          action = "BLOCK"
        }
      }

      # Counted by a rule of ours, and by a rule of a managed group.
      condition {
        action_condition {
          action = "COUNT"
        }
      }

      condition {
        action_condition {
          action = "EXCLUDED_AS_COUNT"
        }
      }
    }
  }
}
