# The repository, and what stops at plan.

mock_provider "aws" {}

variables {
  env             = "test"
  tf_state_bucket = "clockmirror-test-state"
}

run "defaults" {
  command = plan

  assert {
    condition     = aws_ecr_repository.this.name == "clockmirror" && aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE"
    error_message = "The repository is clockmirror, and its tags can't be moved."
  }

  assert {
    condition     = aws_ecr_repository.this.image_scanning_configuration[0].scan_on_push && aws_ecr_repository.this.encryption_configuration[0].encryption_type == "KMS"
    error_message = "Images are scanned and encrypted."
  }

  assert {
    condition = [for rule in jsondecode(aws_ecr_lifecycle_policy.this.policy).rules : [rule.selection.tagStatus, rule.selection.tagPatternList[0], rule.selection.countType, rule.selection.countNumber]] == [
      ["tagged", "deployed-*", "imageCountMoreThan", 100],
      ["tagged", "*", "imageCountMoreThan", 100],
    ]
    error_message = "Deployed images are counted apart from the others, and what has no tag stays."
  }

  assert {
    condition     = aws_ecr_repository.this.force_delete
    error_message = "Unless it is protected, the repository goes away with its images."
  }
}

run "keep_more_and_protect" {
  command = plan

  variables {
    keep_images     = 300
    protect         = true
    repository_name = "team/clockmirror"
  }

  assert {
    condition     = jsondecode(aws_ecr_lifecycle_policy.this.policy).rules[0].selection.countNumber == 300 && !aws_ecr_repository.this.force_delete && aws_ecr_repository.this.name == "team/clockmirror"
    error_message = "The variables decide what is kept, and under which name."
  }
}

run "env_too_long" {
  command = plan

  variables {
    env = "a-name-of-17-chars"
  }

  expect_failures = [var.env]
}

run "env_upper_case" {
  command = plan

  variables {
    env = "Prod"
  }

  expect_failures = [var.env]
}

run "no_bucket" {
  command = plan

  variables {
    tf_state_bucket = ""
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

run "repository_name" {
  command = plan

  variables {
    repository_name = "My Service"
  }

  expect_failures = [var.repository_name]
}

run "keep_few" {
  command = plan

  variables {
    keep_images = 49
  }

  expect_failures = [var.keep_images]
}

run "keep_half" {
  command = plan

  variables {
    keep_images = 50.5
  }

  expect_failures = [var.keep_images]
}
