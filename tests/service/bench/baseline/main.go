// Command baseline answers /clock with nothing around it: no middleware, no log, no metrics. It is what the real program
// is compared with.
//
//	baseline nethttp PORT
//	baseline gin PORT
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"github.com/gin-gonic/gin"
)

type answer struct {
	MirrorTime string `json:"mirror_time"`
	ActualTime string `json:"actual_time"`
}

// solve takes HH:MM, all that the benchmark sends, and is as quick as the real solver: the rest is compared, not this.
func solve(mirrored string) answer {
	digit := func(at int) int { return int(mirrored[at] - '0') }
	minutes := (1440 - 600*digit(0) - 60*digit(1) - 10*digit(3) - digit(4)) % 720
	hour, minute := minutes/60, minutes%60

	if hour == 0 {
		hour = 12
	}

	text := [5]byte{'0' + byte(hour/10), '0' + byte(hour%10), ':', '0' + byte(minute/10), '0' + byte(minute%10)}

	return answer{mirrored, string(text[:])}
}

func main() {
	kind, address := os.Args[1], "127.0.0.1:"+os.Getenv("PORT")

	var handler http.Handler

	switch kind {
	case "gin":
		gin.SetMode(gin.ReleaseMode)

		engine := gin.New()
		engine.GET("/clock", func(c *gin.Context) { c.JSON(http.StatusOK, solve(c.Query("mirror_time"))) })

		handler = engine
	case "nethttp":
		mux := http.NewServeMux()
		mux.HandleFunc("GET /clock", func(writer http.ResponseWriter, request *http.Request) {
			writer.Header().Set("Content-Type", "application/json; charset=utf-8")
			_ = json.NewEncoder(writer).Encode(solve(request.URL.Query().Get("mirror_time")))
		})

		handler = mux
	}

	fmt.Fprintln(os.Stderr, http.ListenAndServe(address, handler)) // bare is the point
	os.Exit(1)
}
