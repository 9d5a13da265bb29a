# The check from outside: asked for where Route 53's metrics are, with a way home for its alarm.

mock_provider "aws" {
  override_during = plan

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_resource "aws_route53_health_check" {
    defaults = { id = "01234567-89ab-cdef-0123-456789abcdef" }
  }
}

variables {
  env             = "test"
  tf_state_bucket = "clockmirror-test-state"
  url             = "http://app-test-1.eu-west-1.elb.amazonaws.com"
}

run "plain_http" {
  command = plan

  assert {
    condition     = join(" ", [aws_route53_health_check.this.type, "${aws_route53_health_check.this.fqdn}:${aws_route53_health_check.this.port}${aws_route53_health_check.this.resource_path}"]) == "HTTP_STR_MATCH app-test-1.eu-west-1.elb.amazonaws.com:80/clock?mirror_time=12:22"
    error_message = "Without a domain it asks the load balancer by its own name."
  }

  assert {
    condition     = strcontains("{\"mirror_time\":\"12:22\",\"actual_time\":\"11:38\"}", aws_route53_health_check.this.search_string) && strcontains(aws_route53_health_check.this.search_string, "11:38")
    error_message = "It looks for the right answer, as the service writes it."
  }

  assert {
    condition     = length(aws_route53_health_check.this.regions) >= 3 && aws_route53_health_check.this.request_interval == 30 && aws_route53_health_check.this.failure_threshold == 3
    error_message = "Three regions ask, every 30 seconds, which is the cheaper interval."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this.dimensions.HealthCheckId == aws_route53_health_check.this.id && aws_cloudwatch_metric_alarm.this.namespace == "AWS/Route53"
    error_message = "The alarm is about this check."
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this.alarm_actions == null ? [] : aws_cloudwatch_metric_alarm.this.alarm_actions) == 0
    error_message = "An alarm in us-east-1 can't send to a topic in eu-west-1."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.home[0].event_pattern).resources == ["arn:aws:cloudwatch:us-east-1:123456789012:alarm:app-test-outside"] && aws_cloudwatch_event_target.home[0].arn == "arn:aws:events:eu-west-1:123456789012:event-bus/default" && aws_cloudwatch_event_target.home[0].role_arn == "arn:aws:iam::123456789012:role/clockmirror-events-home"
    error_message = "What happens to the alarm goes to the environment's region."
  }
}

run "https" {
  command = plan

  variables {
    url = "https://clock.example.com"
  }

  assert {
    condition     = "${aws_route53_health_check.this.type} ${aws_route53_health_check.this.fqdn}:${aws_route53_health_check.this.port} ${aws_route53_health_check.this.enable_sni}" == "HTTPS_STR_MATCH clock.example.com:443 true"
    error_message = "With a domain it asks as people do."
  }
}

run "in_us_east_1" {
  command = plan

  variables {
    region = "us-east-1"
  }

  assert {
    condition     = length(aws_cloudwatch_event_rule.home) == 0 && length(aws_cloudwatch_event_target.home) == 0
    error_message = "There the alarm is at home already."
  }
}

run "two_regions" {
  command = plan

  variables {
    regions = ["eu-west-1", "us-east-1", "us-east-1"]
  }

  expect_failures = [var.regions]
}

run "a_region_without_checkers" {
  command = plan

  variables {
    regions = ["eu-central-1", "eu-west-1", "us-east-1"]
  }

  expect_failures = [var.regions]
}

run "another_partition_and_a_path" {
  command = plan

  variables {
    region = "cn-north-1"
    url    = "https://clock.example.com/clock"
  }

  expect_failures = [var.region, var.url]
}
