# What a push and the pipeline's roles need.

output "repository_url" {
  description = "URL to push images to and to pull them from."
  value       = aws_ecr_repository.this.repository_url
}

output "repository_arn" {
  description = "ARN of the repository, for policies."
  value       = aws_ecr_repository.this.arn
}
