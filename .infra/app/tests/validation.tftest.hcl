# Bad input stops at plan: every variable of a run is wrong in its own way. The sentences that people read are compared in tests/infra.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  env             = "test"
  tf_state_bucket = "clockmirror-test-state"
  image           = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/clockmirror@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
}

run "first_mistakes" {
  command = plan

  variables {
    env                  = "a-name-of-17-chars"
    tf_state_bucket      = ""
    region               = "Ireland"
    availability_zones   = ["eu-west-1a"]
    vpc_cidr             = "10.0.0.0/24"
    egress               = "vpn"
    allowed_cidrs        = []
    domain_name          = "https://clock.example.com"
    hosted_zone_id       = "Z0123456789ABCDEFGHIJ"
    ssl_policy           = "ELBSecurityPolicy-2016-08"
    waf                  = { enabled = true, rate_limit = 1 }
    log_retention_days   = 31
    container_insights   = "on"
    alarm_email          = "ops"
    permissions_boundary = "arn:aws:iam::123456789012:policy/x"
    image                = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/clockmirror:latest"
    cpu_architecture     = "amd64"
    cpu                  = 300
    environment          = { PORT = "80" }
    secrets_kms_key_arns = ["alias/mine"]
    scaling              = { min_tasks = 4, max_tasks = 2 }
    fargate_spot_percent = 101
    alarm_thresholds     = { error_percent = 0 }
  }

  expect_failures = [
    var.env,
    var.tf_state_bucket,
    var.region,
    var.availability_zones,
    var.vpc_cidr,
    var.egress,
    var.allowed_cidrs,
    var.domain_name,
    var.ssl_policy,
    var.waf,
    var.log_retention_days,
    var.container_insights,
    var.alarm_email,
    var.permissions_boundary,
    var.image,
    var.cpu_architecture,
    var.cpu,
    var.environment,
    var.secrets_kms_key_arns,
    var.scaling,
    var.fargate_spot_percent,
    var.alarm_thresholds,
  ]
}

run "second_mistakes" {
  command = plan

  variables {
    env                = "Prod"
    tf_state_bucket    = "s3://state"
    availability_zones = ["eu-west-1a", "eu-west-1a"]
    vpc_cidr           = "10.0.0.0/8"
    allowed_cidrs      = ["everybody"]
    domain_name        = "clock.example.com"
    image              = "clockmirror:latest@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    memory             = 4096
    secrets            = { TOKEN = "hunter2" }
    scaling            = { min_tasks = 0 }
  }

  expect_failures = [
    var.env,
    var.tf_state_bucket,
    var.availability_zones,
    var.vpc_cidr,
    var.allowed_cidrs,
    var.hosted_zone_id,
    var.image,
    var.memory,
    var.secrets,
    var.scaling,
  ]
}

run "third_mistakes" {
  command = plan

  variables {
    env            = "a--b"
    vpc_cidr       = "10.0.0.0"
    hosted_zone_id = "Z0123456789ABCDEFGHIJ"
    image          = "clockmirror@sha256:abc"
    environment    = { TOKEN = "a" }
    secrets        = { TOKEN = "arn:aws:ssm:eu-west-1:123456789012:parameter/token" }
    scaling        = { cpu_percent = 100 }
  }

  expect_failures = [
    var.env,
    var.vpc_cidr,
    var.hosted_zone_id,
    var.image,
    var.secrets,
    var.scaling,
  ]
}

run "fourth_mistakes" {
  command = plan

  variables {
    env = "prod-"
  }

  expect_failures = [
    var.env,
  ]
}

run "env_of_a_customer" {
  command = plan

  variables {
    env = "prod-customer"
  }

  expect_failures = [
    var.env,
  ]
}

run "fifth_mistakes" {
  command = plan

  variables {
    env = "1st"
  }

  expect_failures = [
    var.env,
  ]
}

run "most_requests_for_one_box" {
  command = plan

  variables {
    one_box_percent = 51
  }

  expect_failures = [var.one_box_percent]
}

run "times_that_do_not_fit_the_end_of_a_task" {
  command = plan

  variables {
    environment = { DRAIN_DELAY = "12s", SHUTDOWN_TIMEOUT = "16s" }
  }

  expect_failures = [var.environment]
}

run "requests_longer_than_the_shutdown" {
  command = plan

  variables {
    environment = { REQUEST_TIMEOUT = "16s" }
  }

  expect_failures = [var.environment]
}

run "times_that_terraform_can_not_compare" {
  command = plan

  variables {
    environment = { DRAIN_DELAY = "200ms" }
  }

  expect_failures = [var.environment]
}

run "name_of_a_zone" {
  command = plan

  variables {
    domain_name    = "clock.example.com"
    hosted_zone_id = "example.com"
  }

  expect_failures = [var.hosted_zone_id]
}
