package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/clockmirror/clockmirror/src/rehearsal/emulator"
)

// identity is a caller of AWS: a person, or a role that was assumed.
type identity struct {
	cloud *emulator.Emulator
	aws.Credentials
}

// administrator makes the person who sets everything up, with the rights that the README asks for, and then has every
// call checked.
func administrator(ctx context.Context, cloud *emulator.Emulator) (*identity, error) {
	const name = "administrator"

	users := iam.NewFromConfig(cloud.Owner())

	if _, err := users.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String(name)}); err != nil {
		return nil, fmt.Errorf("make the administrator: %w", err)
	}

	if _, err := users.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{
		UserName: aws.String(name), PolicyArn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess"),
	}); err != nil {
		return nil, fmt.Errorf("give the administrator rights: %w", err)
	}

	made, err := users.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String(name)})
	if err != nil {
		return nil, fmt.Errorf("make the administrator's key: %w", err)
	}

	if err = cloud.Enforce(ctx, true); err != nil {
		return nil, err
	}

	return &identity{cloud: cloud, Credentials: aws.Credentials{
		AccessKeyID: aws.ToString(made.AccessKey.AccessKeyId), SecretAccessKey: aws.ToString(made.AccessKey.SecretAccessKey),
	}}, nil
}

// Services that have roles of their own, as trust policies call them.
const (
	codePipeline = "codepipeline.amazonaws.com"
	codeBuild    = "codebuild.amazonaws.com"
	ecsTasks     = "ecs-tasks.amazonaws.com"
)

// assumeFor returns a role, assumed by a service that the role's trust policy has to name; without a service, by this identity.
func (i *identity) assumeFor(ctx context.Context, service, role string) (*identity, error) {
	input := &sts.AssumeRoleInput{RoleArn: aws.String(role), RoleSessionName: aws.String("rehearsal")}
	if service != "" {
		input.SourceIdentity = &service
	}

	answer, err := sts.NewFromConfig(i.config()).AssumeRole(ctx, input)
	if err != nil {
		return nil, fmt.Errorf("assume the role %s: %w", role, err)
	}

	return &identity{cloud: i.cloud, Credentials: aws.Credentials{
		AccessKeyID:     aws.ToString(answer.Credentials.AccessKeyId),
		SecretAccessKey: aws.ToString(answer.Credentials.SecretAccessKey),
		SessionToken:    aws.ToString(answer.Credentials.SessionToken),
	}}, nil
}

// config is what the SDK needs.
func (i *identity) config() aws.Config { return i.cloud.Config(i.Credentials) }

func (i *identity) s3() *s3.Client {
	return s3.NewFromConfig(i.config(), func(options *s3.Options) { options.UsePathStyle = true })
}

// environment is what programs need, besides a machine's own variables.
func (i *identity) environment() map[string]string {
	all := i.cloud.Environment(os.Environ())
	all["AWS_ACCESS_KEY_ID"], all["AWS_SECRET_ACCESS_KEY"] = i.AccessKeyID, i.SecretAccessKey

	if i.SessionToken != "" {
		all["AWS_SESSION_TOKEN"] = i.SessionToken
	}

	return all
}

// lookUp returns the value of a variable that is kept elsewhere, as this identity may: kind is PARAMETER_STORE or
// SECRETS_MANAGER.
func (i *identity) lookUp(ctx context.Context, kind, reference string) (string, error) {
	if kind == "PARAMETER_STORE" {
		answer, err := ssm.NewFromConfig(i.config()).GetParameters(ctx, &ssm.GetParametersInput{
			Names: []string{reference}, WithDecryption: aws.Bool(true),
		})
		if err != nil {
			return "", fmt.Errorf("get the parameter %s: %w", reference, err)
		}

		if len(answer.Parameters) != 1 {
			return "", fmt.Errorf("there is no parameter %s", reference)
		}

		return aws.ToString(answer.Parameters[0].Value), nil
	}

	name, key := splitSecret(reference)

	answer, err := secretsmanager.NewFromConfig(i.config()).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(name)})
	if err != nil {
		return "", fmt.Errorf("get the secret %s: %w", name, err)
	}

	return member(aws.ToString(answer.SecretString), key)
}

// splitSecret parts the name or ARN of a secret from the key that follows it, as in NAME:KEY:STAGE:VERSION.
func splitSecret(reference string) (name, key string) {
	own := 1 // parts that are the name's
	if strings.HasPrefix(reference, "arn:") {
		own = len([]string{"arn", "partition", "secretsmanager", "region", "account", "secret", "name"})
	}

	parts := strings.Split(reference, ":")
	if len(parts) <= own {
		return reference, ""
	}

	return strings.Join(parts[:own], ":"), parts[own]
}

// member is the value of a key in a JSON object, or the whole text when no key is given.
func member(text, key string) (string, error) {
	if key == "" {
		return text, nil
	}

	members := map[string]string{}
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		return "", fmt.Errorf("the secret is no JSON object of texts, so it has no key %s: %w", key, err)
	}

	value, found := members[key]
	if !found {
		return "", fmt.Errorf("the secret has no key %s", key)
	}

	return value, nil
}

// secrets are the values of a container's secrets, as the execution role may get them.
func (i *identity) secrets(ctx context.Context, executionRole string, wanted []types.Secret) (map[string]string, error) {
	if len(wanted) == 0 {
		return nil, nil //nolint:nilnil // no secrets is no error
	}

	role, err := i.assumeFor(ctx, ecsTasks, executionRole)
	if err != nil {
		return nil, err
	}

	values := map[string]string{}

	for _, secret := range wanted {
		kind, reference := "SECRETS_MANAGER", aws.ToString(secret.ValueFrom)
		if strings.Contains(reference, ":ssm:") {
			kind = "PARAMETER_STORE"
		}

		if values[aws.ToString(secret.Name)], err = role.lookUp(ctx, kind, reference); err != nil {
			return nil, err
		}
	}

	return values, nil
}
