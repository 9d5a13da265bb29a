//nolint:unused // swag reads these types
package api

// The document shows one example per schema, so each kind of problem that has a status of its own is a schema here. They
// are never made: every problem is sent as a [Problem].

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
	Detail    string `json:"detail"     example:"this instance is about to stop; use another"   validate:"required"`
	RequestID string `json:"request_id" example:"7d1kq0x2v9m4h8rt3c5w"                          validate:"required"`
} //	@name	DrainProblem

type internalProblem struct {
	Type      string `json:"type"       example:"about:blank"                                                          validate:"required"`
	Title     string `json:"title"      example:"Internal Server Error"                                                validate:"required"`
	Status    int    `json:"status"     example:"500"                                                                  validate:"required"`
	Detail    string `json:"detail"     example:"something went wrong here; report the request_id if it happens again" validate:"required"`
	RequestID string `json:"request_id" example:"7d1kq0x2v9m4h8rt3c5w"                                                 validate:"required"`
} //	@name	InternalProblem
