# The account's own things, and what stops at plan.

mock_provider "aws" {
  override_during = plan

  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  tf_state_bucket = "clockmirror-test-state"
}

run "state_bucket" {
  command = plan

  assert {
    condition     = aws_s3_bucket.state.bucket == "clockmirror-test-state" && !aws_s3_bucket.state.force_destroy && aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled"
    error_message = "The state bucket has the given name, is versioned, and does not go away with what it holds."
  }

  assert {
    condition     = alltrue([for block in [aws_s3_bucket_public_access_block.state] : block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets])
    error_message = "Nothing in it can be public."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.state.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "It is encrypted."
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.state.rule[0].noncurrent_version_expiration[0].noncurrent_days == 90
    error_message = "Old versions expire."
  }

  assert {
    condition     = one(one(data.aws_iam_policy_document.state.statement).condition).variable == "aws:SecureTransport" && one(data.aws_iam_policy_document.state.statement).effect == "Deny"
    error_message = "Requests without TLS must be denied."
  }
}

run "connection_and_boundary" {
  command = plan

  variables {
    git_host = "GitLab"
    region   = "us-gov-west-1"
  }

  override_data {
    target = data.aws_partition.current
    values = { partition = "aws-us-gov", dns_suffix = "amazonaws.com" }
  }

  assert {
    condition     = aws_codeconnections_connection.git.provider_type == "GitLab"
    error_message = "The connection leads to the given Git host."
  }

  assert {
    condition     = output.connection_console_url == "https://console.amazonaws-us-gov.com/codesuite/settings/connections?region=us-gov-west-1"
    error_message = "A person finds the connection in the console of the region and partition."
  }

  assert {
    condition     = alltrue([for statement in data.aws_iam_policy_document.boundary.statement : alltrue([for resource in statement.resources : resource == "*" ? statement.sid == "RegistryLogin" : startswith(resource, "arn:aws-us-gov:")])])
    error_message = "The boundary names resources of the partition, except for what has none."
  }

  assert {
    condition     = length([for action in flatten([for statement in data.aws_iam_policy_document.boundary.statement : tolist(statement.actions)]) : action if strcontains(action, "*") || startswith(action, "iam:") || startswith(action, "sts:")]) == 0
    error_message = "The boundary has no wildcard, and no way to more rights."
  }
}

run "signing_key" {
  command = plan

  assert {
    condition     = aws_kms_key.signing.key_usage == "SIGN_VERIFY" && aws_kms_key.signing.customer_master_key_spec == "ECC_NIST_P256" && aws_kms_alias.signing.name == "alias/clockmirror-signing"
    error_message = "The key signs, and is found by its alias."
  }

  assert {
    condition     = join(" ", flatten([for statement in data.aws_iam_policy_document.signing_key.statement : [for condition in statement.condition : tolist(condition.values)] if contains(statement.actions, "kms:Sign")])) == "arn:aws:iam::123456789012:role/cicd-*-deploy-ecr"
    error_message = "Only a role DeployECR may sign."
  }

  assert {
    condition     = !contains(flatten([for statement in data.aws_iam_policy_document.signing_key.statement : tolist(statement.actions)]), "kms:CreateGrant")
    error_message = "Nobody can hand the right to sign on."
  }
}

run "no_bucket" {
  command = plan

  variables {
    tf_state_bucket = ""
  }

  expect_failures = [var.tf_state_bucket]
}

run "bucket_in_upper_case" {
  command = plan

  variables {
    tf_state_bucket = "State"
  }

  expect_failures = [var.tf_state_bucket]
}

run "region" {
  command = plan

  variables {
    region = "Ireland"
  }

  expect_failures = [var.region]
}

run "git_host" {
  command = plan

  variables {
    git_host = "Gitea"
  }

  expect_failures = [var.git_host]
}

run "state_history" {
  command = plan

  variables {
    state_history_days = 0
  }

  expect_failures = [var.state_history_days]
}
