# HTTPS comes with a domain and its zone, and port 80 then only redirects.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  env             = "test"
  tf_state_bucket = "clockmirror-test-state"
  image           = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/clockmirror@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
}

run "https" {
  command = plan

  variables {
    domain_name    = "clock.example.com"
    hosted_zone_id = "Z0123456789ABCDEFGHIJ"
  }

  assert {
    condition     = output.alb_url == "https://clock.example.com"
    error_message = "The URL is the domain's."
  }

  assert {
    condition     = aws_lb_listener.https[0].port == 443 && aws_lb_listener.https[0].protocol == "HTTPS" && aws_lb_listener.https[0].ssl_policy == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    error_message = "443 speaks TLS 1.3, and nothing below 1.2."
  }

  assert {
    condition     = module.api.rule.redirects_to == "https://clock.example.com:443"
    error_message = "Port 80 redirects to the domain, also those who come by the load balancer's own name, for which there is no certificate."
  }

  assert {
    condition     = aws_acm_certificate.this[0].domain_name == "clock.example.com" && aws_acm_certificate.this[0].validation_method == "DNS" && aws_route53_record.validation[0].zone_id == "Z0123456789ABCDEFGHIJ"
    error_message = "The certificate is proven through the zone."
  }

  assert {
    condition     = aws_route53_record.alias[0].name == "clock.example.com" && aws_route53_record.alias[0].type == "A"
    error_message = "The domain points at the load balancer."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.alb_https["0.0.0.0/0"].to_port == 443
    error_message = "443 is open as 80 is."
  }
}

run "domain_of_64_characters" {
  command = plan

  variables {
    domain_name    = "a123456789-123456789-123456789-123456789-123456789-1.example.com"
    hosted_zone_id = "Z0123456789ABCDEFGHIJ"
  }

  assert {
    condition     = length(aws_acm_certificate.this[0].domain_name) == 64
    error_message = "A certificate's name may have 64 characters."
  }
}

run "domain_of_65_characters" {
  command = plan

  variables {
    domain_name    = "a123456789-123456789-123456789-123456789-123456789-12.example.com"
    hosted_zone_id = "Z0123456789ABCDEFGHIJ"
  }

  expect_failures = [var.domain_name]
}
