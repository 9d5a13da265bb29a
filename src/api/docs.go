package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
	swagger "github.com/swaggo/gin-swagger"
	"golang.org/x/net/webdav"

	_ "github.com/clockmirror/clockmirror/src/api/docs" // registers the document that gin-swagger serves as doc.json
)

// swaggerUI is the part of swagger-ui-dist that the page needs, compressed once, by `make swagger-ui`. The preset is a
// stand-in for swagger-ui-standalone-preset.js: the page without the bar that picks among documents, 80 KB lighter.
//
//go:embed swaggerui
var swaggerUI embed.FS

const documentName = "doc.json"

// docsPolicy lets the page load its own scripts only. Swagger UI sets style attributes, so styles may be
// inline; its icons are data: URLs.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// docsHandler serves Swagger UI: the page and the document as gin-swagger makes them, the rest from swaggerUI. Files
// are kept compressed, as nearly all clients accept gzip. The page is rendered at the first request.
type docsHandler struct {
	files func() (map[string]docsFile, error)
}

type docsFile struct {
	contentType string
	compressed  []byte
	size        int // uncompressed, in bytes
	hash        string
}

func newDocsHandler() *docsHandler {
	return &docsHandler{files: sync.OnceValues(loadDocs)}
}

// get serves a file of Swagger UI.
func (h *docsHandler) get(c *gin.Context) {
	files, err := h.files()
	if err != nil {
		panic(fmt.Errorf("load Swagger UI: %w", err)) // it is built in, so the build is broken
	}

	name := strings.TrimPrefix(c.Param("file"), "/")
	if name == "" {
		name = "index.html"
	}

	file, ok := files[name]
	if !ok {
		notFound(c)

		return
	}

	header := c.Writer.Header()
	header.Set("Content-Security-Policy", docsPolicy)
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Vary", "Accept-Encoding")
	header.Set("Cache-Control", "no-cache") // ask each time, for a new release; a 304 is small

	compressed := acceptsGzip(c.Request.Header.Values("Accept-Encoding"))
	etag, length := `"`+file.hash+`"`, file.size

	if compressed { // another representation, so another tag
		etag, length = `"`+file.hash+`-gzip"`, len(file.compressed)
	}

	header.Set("ETag", etag)

	if matches(c.Request.Header["If-None-Match"], etag) {
		c.Status(http.StatusNotModified)
		c.Writer.WriteHeaderNow()

		return
	}

	if compressed {
		header.Set("Content-Encoding", "gzip")
	}

	header.Set("Content-Type", file.contentType)
	header.Set("Content-Length", strconv.Itoa(length))
	c.Status(http.StatusOK)

	if c.Request.Method == http.MethodHead {
		c.Writer.WriteHeaderNow()

		return
	}

	if err = file.write(c.Writer, compressed); err != nil {
		_ = c.Error(fmt.Errorf("send %s: %w", name, err)) // the client is gone; the log says so
	}
}

func (f docsFile) write(out io.Writer, compressed bool) error {
	if compressed {
		_, err := out.Write(f.compressed)

		return err //nolint:wrapcheck // the caller says which file
	}

	reader, err := gzip.NewReader(bytes.NewReader(f.compressed))
	if err != nil {
		return fmt.Errorf("decompress: %w", err)
	}

	_, err = io.CopyN(out, reader, int64(f.size))

	return err //nolint:wrapcheck // the caller says which file
}

// loadDocs returns all files of Swagger UI by name.
func loadDocs() (map[string]docsFile, error) {
	files := map[string]docsFile{}

	for _, name := range []string{"index.html", "index.css", "swagger-initializer.js", documentName} {
		body, err := render(name)
		if err != nil {
			return nil, err
		}

		if name == documentName {
			if body, err = withoutEmpty(body); err != nil {
				return nil, err
			}
		}

		var compressed bytes.Buffer

		writer := gzip.NewWriter(&compressed)
		if _, err = writer.Write(body); err != nil {
			return nil, fmt.Errorf("compress %s: %w", name, err)
		}

		if err = writer.Close(); err != nil {
			return nil, fmt.Errorf("compress %s: %w", name, err)
		}

		files[name] = newDocsFile(name, compressed.Bytes())
	}

	const folder = "swaggerui"

	entries, err := swaggerUI.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("list the built-in files: %w", err)
	}

	for _, entry := range entries {
		compressed, err := swaggerUI.ReadFile(path.Join(folder, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("read the built-in %s: %w", entry.Name(), err)
		}

		name := strings.TrimSuffix(entry.Name(), ".gz")
		files[name] = newDocsFile(name, compressed)
	}

	return files, nil
}

func newDocsFile(name string, compressed []byte) docsFile {
	const (
		sizeField = 4 // a gzip file ends with its uncompressed size
		hashShown = 8
	)

	hash := sha256.Sum256(compressed)

	return docsFile{
		contentType: mime.TypeByExtension(path.Ext(name)),
		compressed:  compressed,
		size:        int(binary.LittleEndian.Uint32(compressed[len(compressed)-sizeField:])),
		hash:        hex.EncodeToString(hash[:hashShown]),
	}
}

// render returns what gin-swagger makes of its own templates and the document.
func render(name string) ([]byte, error) {
	engine := gin.New()
	engine.GET("/swagger/*file", swagger.CustomWrapHandler(&swagger.Config{
		URL: documentName, Title: "clockmirror", DocExpansion: "list", DeepLinking: true, DefaultModelsExpandDepth: -1,
	}, &webdav.Handler{}))

	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "/swagger/"+name, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", name, err)
	}

	request.RequestURI = request.URL.Path // as a server would set it

	page := pageWriter{header: http.Header{}, status: http.StatusOK}
	engine.ServeHTTP(&page, request)

	if page.status != http.StatusOK {
		return nil, fmt.Errorf("render %s: status %d", name, page.status)
	}

	return page.body.Bytes(), nil
}

// withoutEmpty leaves out the members that swag writes although they are empty: some
// clients send requests to an empty host.
func withoutEmpty(document []byte) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(document, &members); err != nil {
		return nil, fmt.Errorf("read the document: %w", err)
	}

	for name, value := range members {
		if empty := string(value); empty == `""` || empty == "[]" {
			delete(members, name)
		}
	}

	return marshal(members), nil
}

// pageWriter keeps an answer in memory.
type pageWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *pageWriter) Header() http.Header    { return w.header }
func (w *pageWriter) WriteHeader(status int) { w.status = status }
func (w *pageWriter) Write(data []byte) (int, error) {
	return w.body.Write(data) //nolint:wrapcheck // a buffer never fails
}
