//nolint:unused // swag reads these types
package api

// The document shows one example per schema, so each problem with a status of its own is a schema here. They are only for
// the document: every problem is sent as a [Problem]. What only one part answers stands in its file.

type overloadProblem struct {
	Type      string `json:"type"       example:"about:blank"                                     validate:"required"`
	Title     string `json:"title"      example:"Service Unavailable"                             validate:"required"`
	Status    int    `json:"status"     example:"503"                                             validate:"required"`
	Detail    string `json:"detail"     example:"too many requests at a time; try again after 1 s" validate:"required"`
	RequestID string `json:"request_id" example:"7d1kq0x2v9m4h8rt3c5w"                            validate:"required"`
} //	@name	OverloadProblem

type drainProblem struct {
	Type      string `json:"type"       example:"about:blank"                                   validate:"required"`
	Title     string `json:"title"      example:"Service Unavailable"                           validate:"required"`
	Status    int    `json:"status"     example:"503"                                           validate:"required"`
	Detail    string `json:"detail"     example:"this instance is shutting down; use another" validate:"required"`
	RequestID string `json:"request_id" example:"7d1kq0x2v9m4h8rt3c5w"                          validate:"required"`
} //	@name	DrainProblem

type internalProblem struct {
	Type      string `json:"type"       example:"about:blank"                                                          validate:"required"`
	Title     string `json:"title"      example:"Internal Server Error"                                                validate:"required"`
	Status    int    `json:"status"     example:"500"                                                                  validate:"required"`
	Detail    string `json:"detail"     example:"something went wrong here; report the request_id if it happens again" validate:"required"`
	RequestID string `json:"request_id" example:"7d1kq0x2v9m4h8rt3c5w"                                                 validate:"required"`
} //	@name	InternalProblem

type largeHeaderProblem struct {
	Type      string `json:"type" example:"about:blank" validate:"required"`
	Title     string `json:"title" example:"Request Header Fields Too Large" validate:"required"`
	Status    int    `json:"status" example:"431" validate:"required"`
	Detail    string `json:"detail" example:"the request line and headers are too large; send less than 16 KiB" validate:"required"`
	RequestID string `json:"request_id" example:"7d1kq0x2v9m4h8rt3c5w" validate:"required"`
} //	@name	LargeHeaderProblem

//nolint:unused // swag reads it
type slowBodyProblem struct {
	Type      string `json:"type" example:"about:blank" validate:"required"`
	Title     string `json:"title" example:"Request Timeout" validate:"required"`
	Status    int    `json:"status" example:"408" validate:"required"`
	Detail    string `json:"detail" example:"the body took too long to arrive; send it faster" validate:"required"`
	RequestID string `json:"request_id" example:"7d1kq0x2v9m4h8rt3c5w" validate:"required"`
} //	@name	SlowBodyProblem

//nolint:unused // swag reads it
type largeBodyProblem struct {
	Type      string `json:"type" example:"about:blank" validate:"required"`
	Title     string `json:"title" example:"Request Entity Too Large" validate:"required"`
	Status    int    `json:"status" example:"413" validate:"required"`
	Detail    string `json:"detail" example:"the body is too large; the limit is 65536 bytes" validate:"required"`
	RequestID string `json:"request_id" example:"7d1kq0x2v9m4h8rt3c5w" validate:"required"`
} //	@name	LargeBodyProblem

//nolint:unused // swag reads it
type mediaTypeProblem struct {
	Type      string `json:"type" example:"about:blank" validate:"required"`
	Title     string `json:"title" example:"Unsupported Media Type" validate:"required"`
	Status    int    `json:"status" example:"415" validate:"required"`
	Detail    string `json:"detail" example:"the body must be JSON; send it with Content-Type: application/json" validate:"required"`
	RequestID string `json:"request_id" example:"7d1kq0x2v9m4h8rt3c5w" validate:"required"`
} //	@name	MediaTypeProblem
