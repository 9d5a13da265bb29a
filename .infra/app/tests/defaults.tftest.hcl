# What a person gets who gives nothing but the required variables.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  env             = "test"
  tf_state_bucket = "clockmirror-test-state"
  image           = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/clockmirror@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
}

run "defaults" {
  command = plan

  assert {
    condition     = aws_ecs_cluster.this.name == "app-test" && module.api.service_name == "api"
    error_message = "The deploy action looks for the service api in the cluster app-test."
  }

  assert {
    condition     = output.alb_url == "http://app-test-1.eu-west-1.elb.amazonaws.com"
    error_message = "Without a domain the URL is plain HTTP on the load balancer's own name."
  }

  assert {
    condition     = output.dashboard_url == "https://console.aws.amazon.com/cloudwatch/home?region=eu-west-1#dashboards/dashboard/app-test"
    error_message = "The dashboard's URL leads to the console of the region."
  }

  assert {
    condition     = alltrue([for metric in ["DeployFrequency", "LeadTime", "MeanTimeBetweenFailures", "MeanTimeToRecover", "ChangeFailureRate"] : strcontains(jsonencode(local.widgets), "[\"clockmirror/test\",\"${metric}\"")])
    error_message = "The dashboard shows how well the pipeline delivers to this environment."
  }

  assert {
    condition     = keys(aws_subnet.public) == ["eu-west-1a", "eu-west-1b"] && keys(aws_subnet.private) == ["eu-west-1a", "eu-west-1b"]
    error_message = "It spreads over the first two zones of the region."
  }

  assert {
    condition     = length(distinct([for subnet in concat(values(aws_subnet.public), values(aws_subnet.private)) : subnet.cidr_block])) == 4
    error_message = "No two subnets share a range."
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.public : !subnet.map_public_ip_on_launch])
    error_message = "Nothing gets a public address by just being in a public subnet."
  }

  assert {
    condition     = one(aws_ecs_cluster.this.setting).value == "enabled" && aws_cloudwatch_log_group.container_insights.retention_in_days == 30
    error_message = "Container Insights is on, and what it writes expires."
  }

  assert {
    condition     = aws_lb.this.drop_invalid_header_fields && aws_lb.this.access_logs[0].enabled && !aws_lb.this.internal
    error_message = "The load balancer is public, drops invalid headers and writes access logs."
  }

  assert {
    condition     = !aws_lb.this.enable_deletion_protection && aws_s3_bucket.access_logs.force_destroy && terraform_data.protection.input.protect == false
    error_message = "An environment can go away again unless it is protected."
  }

  assert {
    condition     = aws_lb_listener.http.port == 80 && aws_lb_listener.http.default_action[0].type == "fixed-response"
    error_message = "What no service claims is answered by the load balancer."
  }

  assert {
    condition     = length(aws_lb_listener.https) + length(aws_acm_certificate.this) + length(aws_route53_record.alias) + length(aws_vpc_security_group_ingress_rule.alb_https) == 0
    error_message = "Without a domain there is no HTTPS."
  }

  assert {
    condition     = length(aws_wafv2_web_acl.this) + length(aws_sns_topic_subscription.email) == 0
    error_message = "What has a price or needs an address is off."
  }
}

run "network_is_closed" {
  command = plan

  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.alb_http) == ["0.0.0.0/0"] && aws_vpc_security_group_ingress_rule.alb_http["0.0.0.0/0"].to_port == 80
    error_message = "Everybody reaches port 80 of the load balancer."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.tasks_alb.cidr_ipv4 == null && aws_vpc_security_group_ingress_rule.tasks_alb.from_port == 8080 && aws_vpc_security_group_ingress_rule.tasks_alb.to_port == 8080
    error_message = "Only the load balancer reaches the tasks, on 8080 alone: the admin port stays closed."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.alb_tasks.cidr_ipv4 == null && aws_vpc_security_group_egress_rule.alb_tasks.from_port == 8080 && aws_vpc_security_group_egress_rule.alb_tasks.to_port == 8080
    error_message = "The load balancer reaches nothing but the tasks."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.tasks_https[0].from_port == 443 && aws_vpc_security_group_egress_rule.tasks_https[0].to_port == 443
    error_message = "Tasks call out over HTTPS only."
  }
}

run "one_caller_only" {
  command = plan

  variables {
    allowed_cidrs = ["192.0.2.0/24"]
  }

  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.alb_http) == ["192.0.2.0/24"]
    error_message = "Only the given range reaches the load balancer."
  }
}

run "protected" {
  command = plan

  variables {
    protect = true
  }

  assert {
    condition     = aws_lb.this.enable_deletion_protection && !aws_s3_bucket.access_logs.force_destroy && terraform_data.protection.input.protect
    error_message = "One variable protects the environment."
  }
}

run "three_zones" {
  command = plan

  variables {
    availability_zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
  }

  assert {
    condition     = length(aws_subnet.public) == 3 && length(aws_subnet.private) == 3
    error_message = "Every given zone is used."
  }
}

run "zones_with_fargate" {
  command = plan

  variables {
    region = "us-west-1"
  }

  override_data {
    target = data.aws_availability_zones.region
    values = { names = ["us-west-1a", "us-west-1b", "us-west-1c"], zone_ids = ["usw1-az2", "usw1-az1", "usw1-az3"] }
  }

  assert {
    condition     = keys(aws_subnet.public) == ["us-west-1b", "us-west-1c"]
    error_message = "A zone without Fargate is left out; its name differs from account to account, its ID does not."
  }
}

run "a_zone_without_fargate" {
  command = plan

  variables {
    region             = "ap-northeast-1"
    availability_zones = ["ap-northeast-1b", "ap-northeast-1c"]
  }

  override_data {
    target = data.aws_availability_zones.region
    values = { names = ["ap-northeast-1a", "ap-northeast-1b", "ap-northeast-1c"], zone_ids = ["apne1-az4", "apne1-az3", "apne1-az1"] }
  }

  expect_failures = [data.aws_availability_zones.region]
}

run "ranges_of_zones" {
  command = plan

  variables {
    availability_zones = ["eu-west-1c", "eu-west-1b"]
  }

  assert {
    condition = { for zone, subnet in aws_subnet.public : zone => subnet.cidr_block } == {
      eu-west-1b = "10.0.16.0/20"
      eu-west-1c = "10.0.32.0/20"
    }
    error_message = "A zone's range follows from its letter: another choice of zones moves no subnet."
  }
}

run "waf" {
  command = plan

  variables {
    waf = { enabled = true, rate_limit = 500 }
  }

  assert {
    condition     = length(aws_wafv2_web_acl_association.this) == 1 && length(aws_wafv2_web_acl.this[0].rule) == 4
    error_message = "The load balancer stands behind a rate limit and three managed rule groups."
  }

  assert {
    condition     = one([for rule in aws_wafv2_web_acl.this[0].rule : rule if rule.name == "rate-limit"]).statement[0].rate_based_statement[0].limit == 500
    error_message = "The rate limit is the given one."
  }

  assert {
    condition     = alltrue([for rule in aws_wafv2_web_acl.this[0].rule : length(rule.override_action[0].count) == 1 if rule.name != "rate-limit"])
    error_message = "Managed rules count before they block."
  }

  assert {
    condition     = aws_cloudwatch_log_group.waf[0].retention_in_days == 30
    error_message = "What the firewall blocks or counts is logged, and expires."
  }
}

run "other_region" {
  command = plan

  variables {
    region = "ap-southeast-2"
  }

  override_data {
    target = data.aws_availability_zones.region
    values = { names = ["ap-southeast-2a", "ap-southeast-2b"], zone_ids = ["apse2-az1", "apse2-az3"] }
  }

  assert {
    condition     = aws_s3_bucket.access_logs.bucket == "app-test-alb-logs-123456789012-ap-southeast-2" && strcontains(output.dashboard_url, "region=ap-southeast-2")
    error_message = "Names that are unique in the world carry account and region."
  }
}

run "other_partition" {
  command = plan

  variables {
    region = "us-gov-west-1"
    egress = "endpoints"
  }

  override_data {
    target = data.aws_partition.current
    values = { partition = "aws-us-gov", dns_suffix = "amazonaws.com", reverse_dns_prefix = "com.amazonaws" }
  }

  assert {
    condition     = strcontains(output.dashboard_url, "console.amazonaws-us-gov.com") && aws_vpc_endpoint.s3[0].service_name == "com.amazonaws.us-gov-west-1.s3"
    error_message = "No name says aws where another partition is meant."
  }
}

run "china" {
  command = plan

  variables {
    region = "cn-north-1"
    egress = "endpoints"
  }

  override_data {
    target = data.aws_partition.current
    values = { partition = "aws-cn", dns_suffix = "amazonaws.com.cn", reverse_dns_prefix = "cn.com.amazonaws" }
  }

  assert {
    condition     = aws_vpc_endpoint.interface["ecr.dkr"].service_name == "cn.com.amazonaws.cn-north-1.ecr.dkr" && strcontains(output.dashboard_url, "console.amazonaws.cn")
    error_message = "Endpoints have another prefix in China."
  }
}

run "settings" {
  command = plan

  variables {
    memory      = 1024
    environment = { LOG_LEVEL = "debug", DRAIN_DELAY = "1s" }
  }

  assert {
    condition = local.environment == {
      ADMIN_PORT       = "9090"
      DRAIN_DELAY      = "1s"
      GOMEMLIMIT       = "921MiB"
      LOG_LEVEL        = "debug"
      PORT             = "8080"
      REQUEST_TIMEOUT  = "10s"
      SHUTDOWN_TIMEOUT = "15s"
      TRUSTED_PROXIES  = "10.0.0.0/20,10.0.16.0/20"
    }
    error_message = "The service gets its settings, what people add to them, and the load balancer's subnets to trust."
  }
}

run "longer_requests" {
  command = plan

  variables {
    environment = { DRAIN_DELAY = "12s", SHUTDOWN_TIMEOUT = "15s", REQUEST_TIMEOUT = "15s" }
  }

  assert {
    condition     = local.deregistration_delay == 35
    error_message = "A task that leaves may finish the longest request that the service allows."
  }
}

run "alarm_of_another_region" {
  command = plan

  override_resource {
    target          = aws_cloudwatch_event_rule.outside
    override_during = plan
    values          = { arn = "arn:aws:events:eu-west-1:123456789012:rule/app-test-outside-alarm" }
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.outside.event_pattern).resources == ["arn:aws:cloudwatch:us-east-1:123456789012:alarm:app-test-outside"] && jsondecode(aws_cloudwatch_event_rule.outside.event_pattern).detail.state.value == ["ALARM"] && aws_cloudwatch_event_target.outside.arn == aws_sns_topic.alarms.arn
    error_message = "The ALARM of the check from outside goes to the topic of all alarms."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.alarm_over.event_pattern).resources == [{ prefix = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:app-test-" }, "arn:aws:cloudwatch:us-east-1:123456789012:alarm:app-test-outside"]
    error_message = "So does its end."
  }

  assert {
    condition     = contains(flatten([for statement in data.aws_iam_policy_document.alarms.statement : [for condition in statement.condition : tolist(condition.values)] if statement.sid == "RulesPublish"]), aws_cloudwatch_event_rule.outside.arn)
    error_message = "The topic lets the rule publish."
  }
}

run "alarms_by_mail" {
  command = plan

  variables {
    alarm_email = "ops@example.com"
  }

  assert {
    condition     = aws_sns_topic_subscription.email[0].endpoint == "ops@example.com" && aws_cloudwatch_metric_alarm.alb_5xx.alarm_actions == toset([aws_sns_topic.alarms.arn])
    error_message = "Alarms reach the topic, and its subscriber."
  }
}
