# What the next stacks and the person who sets them up need.

locals {
  console = lookup({
    aws        = "console.aws.amazon.com"
    aws-cn     = "console.amazonaws.cn"
    aws-us-gov = "console.amazonaws-us-gov.com"
  }, data.aws_partition.current.partition, "console.aws.amazon.com")
}

output "tf_state_bucket" {
  description = "Name of the state bucket, for tf_state_bucket of the other stacks."
  value       = aws_s3_bucket.state.id
}

output "connection_arn" {
  description = "ARN of the connection to the Git host, for connection_arn of the cicd stack."
  value       = aws_codeconnections_connection.git.arn
}

output "connection_status" {
  description = "PENDING until a person confirms the connection, then AVAILABLE."
  value       = aws_codeconnections_connection.git.connection_status
}

output "connection_console_url" {
  description = "Where a person confirms the connection: choose it there, then 'Update pending connection'."
  value       = "https://${local.console}/codesuite/settings/connections?region=${var.region}"
}

output "permissions_boundary_arn" {
  description = "ARN of the permissions boundary that every role made by the pipeline carries."
  value       = aws_iam_policy.boundary.arn
}

output "signing_key_arn" {
  description = "ARN of the key that images are signed with. `aws kms get-public-key` gives its public part, which is enough to verify."
  value       = aws_kms_key.signing.arn
}
