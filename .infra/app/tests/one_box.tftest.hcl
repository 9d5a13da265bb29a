# One box beside the service: a task, a target group and alarms of its own, a share of the requests, and those that ask for it.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  env             = "test"
  tf_state_bucket = "clockmirror-test-state"
  image           = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/clockmirror@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
}

run "none_unless_asked_for" {
  command = plan

  assert {
    condition     = length(module.one_box) == 0 && length(aws_lb_listener_rule.one_box) == 0
    error_message = "There is no one box unless it gets a share."
  }
}

run "one_box" {
  command = plan

  variables {
    one_box_percent      = 10
    scaling              = { min_tasks = 3 }
    fargate_spot_percent = 50
  }

  assert {
    condition     = [for service in module.one_box : service.service_name] == ["api-onebox"] && module.one_box["api-onebox"].scaling == { floor = 1, ceiling = 1 }
    error_message = "The one box is a service of exactly one task."
  }

  assert {
    condition     = module.one_box["api-onebox"].rule == { priority = 49998, header = "X-One-Box", hosts = [], redirects_to = null } && module.api.rule == { priority = 50000, header = null, hosts = [], redirects_to = null }
    error_message = "Requests with the header go to the one box; api's rule stays as it is."
  }

  assert {
    condition     = aws_lb_listener_rule.one_box["api-onebox"].priority == 49999 && one(one(aws_lb_listener_rule.one_box["api-onebox"].condition).path_pattern).values == toset(["/*"])
    error_message = "The share is taken of all requests that no other rule takes."
  }

  assert {
    condition     = join(" ", sort([for group in one(one(aws_lb_listener_rule.one_box["api-onebox"].action).forward).target_group : tostring(group.weight)])) == "10 90"
    error_message = "The one box gets its share, the service the rest."
  }

  assert {
    condition     = length(module.one_box["api-onebox"].alarm_arns) == 5 && module.one_box["api-onebox"].log_group_name == "/ecs/app-test-api-onebox"
    error_message = "The one box has alarms and logs of its own."
  }
}

run "https" {
  command = plan

  variables {
    one_box_percent = 10
    domain_name     = "clock.example.com"
    hosted_zone_id  = "Z0123456789ABCDEFGHIJ"
  }

  assert {
    condition     = aws_lb_listener_rule.one_box["api-onebox"].listener_arn == aws_lb_listener.https[0].arn && module.one_box["api-onebox"].rule.redirects_to == "https://clock.example.com:443"
    error_message = "With a domain the share is taken where HTTPS is served, and port 80 redirects."
  }
}

run "longest_names" {
  command = plan

  variables {
    env             = "a-name-of-16-cha"
    one_box_percent = 50
  }

  assert {
    condition     = module.one_box["api-onebox"].service_name == "api-onebox" && module.one_box["api-onebox"].target_group_name == "app-a-name-of-16-cha-box"
    error_message = "Its names have room beside the longest env."
  }
}
