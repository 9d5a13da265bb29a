# The check from outside: off unless asked for, and then where Route 53's metrics are, with a way home for its alarm.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

mock_provider "aws" {
  alias           = "metrics"
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  env             = "test"
  tf_state_bucket = "clockmirror-test-state"
  image           = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/clockmirror@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
}

run "off" {
  command = plan

  assert {
    condition     = length(aws_route53_health_check.outside) + length(aws_cloudwatch_metric_alarm.outside) + length(aws_cloudwatch_event_rule.outside) + length(aws_cloudwatch_event_rule.outside_home) == 0
    error_message = "What costs, and asks from all over the world, is there only when asked for."
  }
}

run "plain_http" {
  command = plan

  override_resource {
    target          = aws_cloudwatch_event_rule.outside[0]
    override_during = plan
    values          = { arn = "arn:aws:events:eu-west-1:123456789012:rule/app-test-outside-alarm" }
  }

  variables {
    outside_check = { enabled = true }
  }

  assert {
    condition     = join(" ", [for check in aws_route53_health_check.outside : "${check.type} ${check.fqdn}:${check.port}${check.resource_path}"]) == "HTTP_STR_MATCH app-test-1.eu-west-1.elb.amazonaws.com:80/clock?mirror_time=12:22"
    error_message = "Without a domain it asks the load balancer by its own name."
  }

  assert {
    condition     = strcontains("{\"mirror_time\":\"12:22\",\"actual_time\":\"11:38\"}", aws_route53_health_check.outside[0].search_string) && strcontains(aws_route53_health_check.outside[0].search_string, "11:38")
    error_message = "It looks for the right answer, as the service writes it."
  }

  assert {
    condition     = length(aws_route53_health_check.outside[0].regions) >= 3 && aws_route53_health_check.outside[0].request_interval == 30 && aws_route53_health_check.outside[0].failure_threshold == 3
    error_message = "Three regions ask, every 30 seconds, which is the cheaper interval."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.outside[0].dimensions.HealthCheckId == aws_route53_health_check.outside[0].id && aws_cloudwatch_metric_alarm.outside[0].namespace == "AWS/Route53"
    error_message = "The alarm is about this check."
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.outside[0].alarm_actions == null ? [] : aws_cloudwatch_metric_alarm.outside[0].alarm_actions) == 0
    error_message = "An alarm in us-east-1 can't send to a topic in eu-west-1."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.outside_home[0].event_pattern).resources == ["arn:aws:cloudwatch:us-east-1:123456789012:alarm:app-test-outside"] && aws_cloudwatch_event_target.outside_home[0].arn == "arn:aws:events:eu-west-1:123456789012:event-bus/default" && aws_cloudwatch_event_target.outside_home[0].role_arn == "arn:aws:iam::123456789012:role/clockmirror-events-home"
    error_message = "What happens to the alarm goes to the environment's region."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.outside[0].event_pattern).resources == ["arn:aws:cloudwatch:us-east-1:123456789012:alarm:app-test-outside"] && jsondecode(aws_cloudwatch_event_rule.outside[0].event_pattern).detail.state.value == ["ALARM"] && aws_cloudwatch_event_target.outside[0].arn == aws_sns_topic.alarms.arn
    error_message = "There, its ALARM goes to the topic of all alarms."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.alarm_over.event_pattern).resources == [{ prefix = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:app-test-" }, "arn:aws:cloudwatch:us-east-1:123456789012:alarm:app-test-outside"]
    error_message = "So does its end."
  }

  assert {
    condition     = contains(flatten([for statement in data.aws_iam_policy_document.alarms.statement : [for condition in statement.condition : tolist(condition.values)] if statement.sid == "RulesPublish"]), aws_cloudwatch_event_rule.outside[0].arn)
    error_message = "The topic lets the rule publish."
  }

  assert {
    condition     = strcontains(aws_cloudwatch_dashboard.this.dashboard_body, "HealthCheckPercentageHealthy")
    error_message = "The dashboard shows it."
  }
}

run "https" {
  command = plan

  variables {
    domain_name    = "clock.example.com"
    hosted_zone_id = "Z0123456789ABCDEFGHIJ"
    outside_check  = { enabled = true }
  }

  assert {
    condition     = join(" ", [for check in aws_route53_health_check.outside : "${check.type} ${check.fqdn}:${check.port} ${check.enable_sni}"]) == "HTTPS_STR_MATCH clock.example.com:443 true"
    error_message = "With a domain it asks as people do."
  }
}

run "in_us_east_1" {
  command = plan

  variables {
    region        = "us-east-1"
    outside_check = { enabled = true }
  }

  override_data {
    target = data.aws_availability_zones.region
    values = { names = ["us-east-1a", "us-east-1b"], zone_ids = ["use1-az1", "use1-az2"] }
  }

  assert {
    condition     = length(aws_cloudwatch_event_rule.outside_home) == 0 && length(aws_cloudwatch_event_rule.outside) == 1 && length(jsondecode(aws_cloudwatch_event_rule.alarm_over.event_pattern).resources) == 1
    error_message = "There the alarm is at home already."
  }
}

run "two_regions" {
  command = plan

  variables {
    outside_check = { regions = ["eu-west-1", "us-east-1", "us-east-1"] }
  }

  expect_failures = [var.outside_check]
}

run "a_region_without_checkers" {
  command = plan

  variables {
    outside_check = { regions = ["eu-central-1", "eu-west-1", "us-east-1"] }
  }

  expect_failures = [var.outside_check]
}

run "another_partition" {
  command = plan

  variables {
    region        = "cn-north-1"
    outside_check = { enabled = true }
  }

  override_data {
    target = data.aws_availability_zones.region
    values = { names = ["cn-north-1a", "cn-north-1b"], zone_ids = ["cnn1-az1", "cnn1-az2"] }
  }

  expect_failures = [var.outside_check]
}
