# Three customers are added to a default deployment that is there already, and stays as it is. tests/infra reads the plan of
# three_customers, and finds no change in anything that was there.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  env             = "test"
  tf_state_bucket = "clockmirror-test-state"
  image           = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/clockmirror@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
}

run "default" {
  assert {
    condition     = length(module.customer) == 0 && output.customer_urls == {}
    error_message = "No customer has a service of their own unless asked for."
  }

  assert {
    condition     = module.api.rule.priority == 50000 && module.api.rule.hosts == []
    error_message = "The service takes every host, after all other rules."
  }
}

run "three_customers" {
  command = plan

  variables {
    scaling = { min_tasks = 2, max_tasks = 6 }
    customers = {
      a = { name = "A", host = "customer-a.example.com" }
      b = { name = "B", host = "customer-b.example.com", scaling = { min_tasks = 3, requests_per_minute = 1200 } }
      c = { name = "C", host = "customer-c.example.com" }
    }
  }

  assert {
    condition     = { for key, customer in module.customer : key => customer.service_name } == { a = "customer-a", b = "customer-b", c = "customer-c" }
    error_message = "Each customer has a service."
  }

  assert {
    condition     = { for key, customer in module.customer : key => join(" ", customer.rule.hosts) } == { a = "customer-a.example.com", b = "customer-b.example.com", c = "customer-c.example.com" }
    error_message = "Each customer has a rule that takes the customer's host and no other."
  }

  assert {
    condition     = length(distinct([for customer in module.customer : customer.rule.priority])) == 3 && alltrue([for customer in module.customer : customer.rule.priority >= 1 && customer.rule.priority < 50000])
    error_message = "Each rule has a priority of its own, before the service that takes every host."
  }

  assert {
    condition     = output.customer_urls == { a = "http://customer-a.example.com", b = "http://customer-b.example.com", c = "http://customer-c.example.com" }
    error_message = "Each customer has a URL; without a domain it is plain HTTP."
  }

  assert {
    condition     = { for key, customer in module.customer : key => customer.log_group_name } == { a = "/ecs/app-test-customer-a", b = "/ecs/app-test-customer-b", c = "/ecs/app-test-customer-c" } && alltrue([for customer in module.customer : length(customer.alarm_arns) == 5])
    error_message = "Each customer has a log group and the alarms that the service has."
  }

  assert {
    condition = (
      module.api.rule.priority == 50000 && module.api.rule.hosts == [] &&
      module.api.service_name == "api" && output.service_name == "api" && output.alb_url == run.default.alb_url
    )
    error_message = "The service for everybody is where it was."
  }

  assert {
    condition     = length(aws_acm_certificate.customer) + length(aws_route53_record.customer_alias) + length(data.aws_route53_zone.customers) == 0
    error_message = "Without a domain there are no certificates and no records."
  }
}
