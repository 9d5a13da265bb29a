# The sizes of policies, as IAM counts them: characters that are no white space, at most 6144 in a managed policy and 10240 in
# all inline policies of a role together. The names are the longest that are allowed, and so is the region.

provider "aws" {
  region                      = "ap-southeast-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = data.aws_codestarconnections_connection.git
  values = { name = "clockmirror", connection_status = "AVAILABLE", provider_type = "GitHub" }
}

override_data {
  target = data.aws_kms_alias.signing
  values = { target_key_arn = "arn:aws:kms:ap-southeast-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef" }
}

override_resource {
  override_during = plan
  target          = aws_s3_bucket.artifacts
  values          = { arn = "arn:aws:s3:::cicd-abcdefghijklmnop-123456789012-ap-southeast-1" }
}

override_resource {
  override_during = plan
  target          = aws_cloudwatch_log_group.action
  values          = { arn = "arn:aws:logs:ap-southeast-1:123456789012:log-group:/aws/codebuild/cicd-abcdefghijklmnop-static-analysis" }
}

override_resource {
  override_during = plan
  target          = aws_cloudwatch_log_group.toolbox
  values          = { arn = "arn:aws:logs:ap-southeast-1:123456789012:log-group:/aws/codebuild/cicd-abcdefghijklmnop-toolbox" }
}

override_resource {
  override_during = plan
  target          = aws_iam_role.update_ecs_service
  values          = { arn = "arn:aws:iam::123456789012:role/cicd-abcdefghijklmnop-update-ecs-service" }
}

run "longest_names" {
  command = plan

  variables {
    env                  = "abcdefghijklmnop"
    region               = "ap-southeast-1"
    tf_state_bucket      = "a-bucket-with-a-name-as-long-as-s3-allows-which-is-63-character"
    repository           = "an-organisation-with-a-name-of-39-chara/and-a-repository-with-a-name-that-is-as-long-as-github-allows-which-is-100-characters-in-all-xxxxxx"
    connection_arn       = "arn:aws:codestar-connections:ap-southeast-1:123456789012:connection/01234567-89ab-cdef-0123-456789abcdef"
    image_repository     = join("/", [for i in range(8) : "a-name-of-31-characters-in-all-x"])
    hosted_zone_id       = "Z0123456789ABCDEFGHIJKLMNOPQRSTU"
    permissions_boundary = join("", [for i in range(128) : "b"])
    notification_email   = "ops@example.com"
    bake_minutes         = 120
    customers            = [for i in range(25) : format("%02d", i)]
    environments         = [for name in ["aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb", "cccccccccccccccc", "abcdefghijklmnop"] : { name = name }]
  }

  assert {
    condition     = max([for name in keys(local.managed_permissions) : length(replace(data.aws_iam_policy_document.permissions[name].json, "/\\s/", ""))]...) <= 6144
    error_message = "A policy of DeployApp is too long: ${join(", ", [for name in keys(local.managed_permissions) : "${name} has ${length(replace(data.aws_iam_policy_document.permissions[name].json, "/\\s/", ""))}"])}."
  }

  assert {
    condition = alltrue([for role in distinct([for name in keys(local.inline_permissions) : split("/", name)[0]]) : sum([
      for name in keys(local.inline_permissions) : length(replace(data.aws_iam_policy_document.permissions[name].json, "/\\s/", "")) if split("/", name)[0] == role
    ]) <= 10240])
    error_message = "The inline policies of a role are too long: ${join(", ", [for name in keys(local.inline_permissions) : "${name} has ${length(replace(data.aws_iam_policy_document.permissions[name].json, "/\\s/", ""))}"])}."
  }
}

run "more_customers_than_a_load_balancer_has_room_for" {
  command = plan

  variables {
    env             = "test"
    tf_state_bucket = "acme-clockmirror-state"
    repository      = "acme/clockmirror"
    connection_arn  = "arn:aws:codeconnections:eu-west-1:123456789012:connection/01234567-89ab-cdef-0123-456789abcdef"
    customers       = [for i in range(26) : "c${i}"]
  }

  expect_failures = [var.customers]
}
