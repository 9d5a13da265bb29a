# The three ways out, and what each makes.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  env             = "test"
  tf_state_bucket = "clockmirror-test-state"
  image           = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/clockmirror@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
}

run "nat" {
  command = plan

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_eip.nat) == 1 && length(aws_route.private_nat) == 1
    error_message = "By default one NAT gateway leads out of the private subnets."
  }

  assert {
    condition     = length(aws_vpc_endpoint.interface) + length(aws_vpc_endpoint.s3) + length(aws_security_group.endpoints) == 0
    error_message = "There are no endpoints to pay for beside a NAT gateway."
  }
}

run "endpoints" {
  command = plan

  variables {
    egress = "endpoints"
  }

  assert {
    condition     = keys(aws_vpc_endpoint.interface) == ["ecr.api", "ecr.dkr", "logs"] && length(aws_vpc_endpoint.s3) == 1
    error_message = "Tasks need ECR, logs and the layers in S3, and nothing else."
  }

  assert {
    condition     = length(aws_nat_gateway.this) + length(aws_eip.nat) + length(aws_route.private_nat) + length(aws_vpc_security_group_egress_rule.tasks_https) == 0
    error_message = "There is no way to the Internet."
  }

  assert {
    condition     = length(aws_vpc_security_group_egress_rule.tasks_endpoints) == 1 && length(aws_vpc_security_group_egress_rule.tasks_s3) == 1 && length(aws_vpc_security_group_ingress_rule.endpoints_tasks) == 1
    error_message = "The security groups let tasks reach the endpoints."
  }
}

run "endpoints_for_secrets" {
  command = plan

  variables {
    egress = "endpoints"
    secrets = {
      TOKEN    = "arn:aws:ssm:eu-west-1:123456789012:parameter/token"
      PASSWORD = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:password-AbCdEf:key::"
    }
  }

  assert {
    condition     = keys(aws_vpc_endpoint.interface) == ["ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm"]
    error_message = "Where secrets lie decides which further endpoints there are."
  }
}

run "public_ip" {
  command = plan

  variables {
    egress = "public_ip"
  }

  assert {
    condition     = length(aws_nat_gateway.this) + length(aws_eip.nat) + length(aws_vpc_endpoint.interface) + length(aws_vpc_endpoint.s3) == 0
    error_message = "Nothing that costs by the hour is made."
  }

  assert {
    condition     = keys(aws_subnet.private) == keys(aws_subnet.public)
    error_message = "The private subnets are there all the same, so that egress can change on a live environment."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.tasks_alb.cidr_ipv4 == null
    error_message = "A public address is a way out, not a way in."
  }
}
