# A service per customer: what it is called, where it is found, and which input is refused. customers_added.tftest.hcl has
# three of them beside the service for everybody.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  env             = "test"
  tf_state_bucket = "clockmirror-test-state"
  image           = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/clockmirror@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
}

run "priority_from_the_key" {
  command = plan

  variables {
    customers = {
      c = { name = "C", host = "customer-c.example.com" }
    }
  }

  assert {
    condition     = module.customer["c"].rule.priority == 1 + parseint(substr(sha256("c"), 0, 8), 16) % 49999
    error_message = "A rule's priority depends on the customer's key alone, not on who else there is."
  }
}

run "https" {
  command = plan

  variables {
    domain_name    = "clock.example.com"
    hosted_zone_id = "Z0123456789ABCDEFGHIJ"
    customers = {
      a = { name = "A", host = "customer-a.example.com" }
      b = { name = "B", host = "example.com" }
    }
  }

  assert {
    condition     = { for key, certificate in aws_acm_certificate.customer : key => certificate.domain_name } == { a = "customer-a.example.com", b = "example.com" } && keys(aws_lb_listener_certificate.customer) == ["a", "b"]
    error_message = "Each customer's host has a certificate at the load balancer."
  }

  assert {
    condition     = aws_acm_certificate.this[0].domain_name == "clock.example.com"
    error_message = "The domain's own certificate stays as it is."
  }

  assert {
    condition     = { for key, record in aws_route53_record.customer_alias : key => "${record.type} ${record.name} ${record.zone_id}" } == { a = "A customer-a.example.com Z0123456789ABCDEFGHIJ", b = "A example.com Z0123456789ABCDEFGHIJ" }
    error_message = "Each customer's host points at the load balancer."
  }

  assert {
    condition     = alltrue([for record in aws_route53_record.customer_validation : record.zone_id == "Z0123456789ABCDEFGHIJ"]) && length(aws_acm_certificate_validation.customer) == 2
    error_message = "Each certificate is proven through the zone."
  }

  assert {
    condition     = output.customer_urls == { a = "https://customer-a.example.com", b = "https://example.com" }
    error_message = "With a domain, customers are served over HTTPS."
  }
}

run "host_outside_the_zone" {
  command = plan

  variables {
    domain_name    = "clock.example.com"
    hosted_zone_id = "Z0123456789ABCDEFGHIJ"
    customers      = { a = { name = "A", host = "not-example.com" } }
  }

  expect_failures = [data.aws_route53_zone.customers[0]]
}

run "domain_without_customers" {
  command = plan

  variables {
    domain_name    = "clock.example.com"
    hosted_zone_id = "Z0123456789ABCDEFGHIJ"
  }

  assert {
    condition     = length(data.aws_route53_zone.customers) + length(aws_acm_certificate.customer) + length(aws_lb_listener_certificate.customer) == 0
    error_message = "Without customers nothing is looked up or made for them."
  }
}

run "longest_names" {
  command = plan

  variables {
    env       = "one"
    customers = { (substr("abcdefghijklmnop", 0, 32 - length("app-one-customer-"))) = { name = "A", host = "customer-a.example.com" } }
  }

  assert {
    condition     = length("app-${var.env}-${one(values(module.customer)).service_name}") == 32
    error_message = "The longest names are allowed."
  }
}

# ---------------------------------------------------------------------------------------------------------------------
# Bad input: one mistake each, as all are of one variable
# ---------------------------------------------------------------------------------------------------------------------

run "key_that_no_name_can_hold" {
  command = plan

  variables {
    customers = { A_1 = { name = "A", host = "customer-a.example.com" } }
  }

  expect_failures = [var.customers]
}

run "more_than_a_load_balancer_has_room_for" {
  command = plan

  variables {
    customers = { for i in range(26) : i => { name = "A", host = "customer-${i}.example.com" } }
  }

  expect_failures = [var.customers]
}

run "key_too_long" {
  command = plan

  variables {
    env       = "four"
    customers = { abcdefghijklmno = { name = "A", host = "customer-a.example.com" } }
  }

  expect_failures = [var.customers]
}

run "no_name" {
  command = plan

  variables {
    customers = { a = { name = "", host = "customer-a.example.com" } }
  }

  expect_failures = [var.customers]
}

run "name_with_spaces" {
  command = plan

  variables {
    customers = { a = { name = " A", host = "customer-a.example.com" } }
  }

  expect_failures = [var.customers]
}

run "url_for_host" {
  command = plan

  variables {
    customers = { a = { name = "A", host = "https://customer-a.example.com" } }
  }

  expect_failures = [var.customers]
}

run "host_too_long" {
  command = plan

  variables {
    customers = { a = { name = "A", host = "customer-a-with-a-name-that-is-too-long-for-a-certificate.example.com" } }
  }

  expect_failures = [var.customers]
}

run "host_of_two" {
  command = plan

  variables {
    customers = { a = { name = "A", host = "customer.example.com" }, b = { name = "B", host = "customer.example.com" } }
  }

  expect_failures = [var.customers]
}

run "floor_above_ceiling" {
  command = plan

  variables {
    customers = { a = { name = "A", host = "customer-a.example.com", scaling = { min_tasks = 7 } } }
  }

  expect_failures = [var.customers]
}

run "cpu_out_of_range" {
  command = plan

  variables {
    customers = { a = { name = "A", host = "customer-a.example.com", scaling = { cpu_percent = 100 } } }
  }

  expect_failures = [var.customers]
}

run "same_priority" {
  command = plan

  variables {
    customers = { a341 = { name = "A", host = "customer-a.example.com" }, a368 = { name = "B", host = "customer-b.example.com" } }
  }

  expect_failures = [var.customers]
}

run "priority_of_the_one_box" {
  command = plan

  variables {
    customers = { a1770 = { name = "A", host = "customer-a.example.com" } }
  }

  expect_failures = [var.customers]
}

run "host_of_the_service" {
  command = plan

  variables {
    domain_name    = "clock.example.com"
    hosted_zone_id = "Z0123456789ABCDEFGHIJ"
    customers      = { a = { name = "A", host = "clock.example.com" } }
  }

  expect_failures = [var.customers]
}

run "name_as_a_secret" {
  command = plan

  variables {
    secrets   = { CUSTOMER_NAME = "arn:aws:ssm:eu-west-1:123456789012:parameter/name" }
    customers = { a = { name = "A", host = "customer-a.example.com" } }
  }

  expect_failures = [var.customers]
}
