package rehearsal

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// key is where CodePipeline keeps an artifact: below the first 20 characters of the pipeline's name and the first 10 of the
// artifact's.
func (e *Environment) key(artifact string) string {
	return cut(e.runner.Pipeline().Name, 20) + "/" + cut(artifact, 10) + "/" + rand.Text()[:7]
}

func cut(text string, most int) string { return text[:min(len(text), most)] }

// store puts files into the artifact store as who may, and returns the key.
func (e *Environment) store(ctx context.Context, who *identity, artifact string, files fs.FS) (string, error) {
	var archive bytes.Buffer

	writer := zip.NewWriter(&archive)
	// An image compresses little, and all stays on this machine.
	writer.RegisterCompressor(zip.Deflate, func(to io.Writer) (io.WriteCloser, error) { return flate.NewWriter(to, flate.BestSpeed) })

	if err := writer.AddFS(files); err != nil {
		return "", fmt.Errorf("pack the artifact %s: %w", artifact, err)
	}

	if err := writer.Close(); err != nil {
		return "", fmt.Errorf("pack the artifact %s: %w", artifact, err)
	}

	key := e.key(artifact)
	if _, err := who.s3().PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(e.runner.Pipeline().Bucket), Key: &key, Body: bytes.NewReader(archive.Bytes())}); err != nil {
		return "", fmt.Errorf("store the artifact %s: %w", artifact, err)
	}

	return key, nil
}

// fetch gets an artifact as who may.
func (e *Environment) fetch(ctx context.Context, who *identity, artifact, key string) (fs.FS, error) {
	answer, err := who.s3().GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(e.runner.Pipeline().Bucket), Key: aws.String(key)})
	if err != nil {
		return nil, fmt.Errorf("get the artifact %s: %w", artifact, err)
	}

	defer func() { _ = answer.Body.Close() }()

	content, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("get the artifact %s: %w", artifact, err)
	}

	files, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, fmt.Errorf("unpack the artifact %s: %w", artifact, err)
	}

	return files, nil
}
