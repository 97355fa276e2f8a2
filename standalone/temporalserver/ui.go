package temporalserver

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"regexp"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/temporalio/ui-server/v2/server/api"
	"github.com/temporalio/ui-server/v2/server/config"
	"github.com/temporalio/ui-server/v2/server/csrf"
	"github.com/temporalio/ui-server/v2/server/headers"
	"github.com/temporalio/ui-server/v2/server/route"
	"github.com/temporalio/ui-server/v2/ui"
	"google.golang.org/grpc/metadata"

	"peerflow/internal/temporalauth"
)

// UIHandler serves Temporal's Web UI below publicPath ("/temporal"), and talks to the frontend at hostPort with the
// secret, which the browser never sees. Its write actions are on: a vote is checked by peerflow, not by who may click.
//
// The caller mounts it behind a login and allow-lists of Host and Origin; with temporalauth.WithUser on the request's
// context, histories name the person who acted. Mount it at publicPath + "/".
func UIHandler(hostPort, publicPath, secret string) (http.Handler, error) {
	if !strings.HasPrefix(publicPath, "/") || strings.HasSuffix(publicPath, "/") {
		return nil, fmt.Errorf("the Web UI's path %q must start with a slash and not end in one", publicPath)
	}
	cfg, err := config.NewConfigProviderWithRefresh(&config.Config{
		TemporalGRPCAddress: hostPort, DefaultNamespace: Namespace, EnableUI: true, PublicPath: publicPath,
		CORS:             config.CORS{CookieInsecure: true}, // the console is plain HTTP on loopback
		DisableNewsFetch: true, HideLogs: true,
	})
	if err != nil {
		return nil, err
	}
	e := echo.New()
	e.Pre(route.PublicPath(publicPath))
	e.Use(middleware.Recover(), middleware.Gzip(), middleware.Secure())
	e.Use(csrf.EnsureTokenCookie(false), middleware.CSRFWithConfig(csrf.MiddlewareConfig(cfg, false)))
	e.Use(showSecret(secret)) // after the CSRF check, which waves through whatever carries an Authorization header
	if err := route.SetAPIRoutes(e, cfg, []api.Middleware{headers.WithForwardHeaders([]string{temporalauth.UserHeader, "Caller-Type"})}); err != nil {
		return nil, err
	}
	route.SetRenderRoute(e, "/")
	if err := setPages(e, publicPath); err != nil {
		return nil, err
	}
	return withoutForeignCredentials(e), nil
}

// showSecret adds what the frontend asks for: as headers, which the API gateway forwards, and in the context for the
// download of a raw history, which goes past the gateway.
func showSecret(secret string) echo.MiddlewareFunc {
	provider := temporalauth.Headers(secret)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			add, err := provider.GetHeaders(c.Request().Context())
			if err != nil {
				return err
			}
			for name, value := range add {
				c.Request().Header.Set(name, value)
			}
			c.SetRequest(c.Request().WithContext(metadata.NewOutgoingContext(c.Request().Context(), metadata.New(add))))
			return next(c)
		}
	}
}

// withoutForeignCredentials drops what a browser must not decide: headers that would reach Temporal as the caller's
// identity, and an Authorization header, which was for the login in front and would switch off the CSRF check.
func withoutForeignCredentials(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		for name := range r.Header {
			if strings.HasPrefix(name, "Grpc-") {
				r.Header.Del(name)
			}
		}
		r.Header.Del(temporalauth.Header)
		r.Header.Del(temporalauth.UserHeader)
		next.ServeHTTP(w, r)
	})
}

// setPages serves the application's files and, for every other address below the path, its one page. ui-server's own
// route would drop the content security policy together with the path's rewriting.
func setPages(e *echo.Echo, publicPath string) error {
	assets, err := ui.Assets()
	if err != nil {
		return err
	}
	if assets, err = fs.Sub(assets, "local"); err != nil {
		return err
	}
	page, policy, err := indexPage(assets, publicPath)
	if err != nil {
		return err
	}
	files := echo.WrapHandler(http.FileServerFS(assets))
	e.GET("/_app/*", files, cacheForever)
	e.GET("/favicon.ico", files)
	e.GET("/*", func(c echo.Context) error {
		c.Response().Header().Set(echo.HeaderContentSecurityPolicy, policy)
		c.Response().Header().Set(echo.HeaderCacheControl, "no-cache")
		return c.HTMLBlob(http.StatusOK, page)
	})
	return nil
}

// cacheForever fits files whose names hold a hash of their content.
func cacheForever(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if strings.Contains(c.Request().URL.Path, "/immutable/") {
			c.Response().Header().Set(echo.HeaderCacheControl, "private, max-age=31536000, immutable")
		}
		return next(c)
	}
}

var (
	policyTag    = regexp.MustCompile(`(?i)<meta[^>]*content-security-policy[^>]*>`)
	inlineScript = regexp.MustCompile(`(?s)<script>(.*?)</script>`)
)

// indexPage moves the page below publicPath and returns the policy that fits it: scripts from us, and its one inline
// script by hash.
func indexPage(assets fs.FS, publicPath string) (page []byte, policy string, err error) {
	raw, err := fs.ReadFile(assets, "index.html")
	if err != nil {
		return nil, "", err
	}
	text := policyTag.ReplaceAllString(string(raw), "")
	text = strings.ReplaceAll(text, `base: ""`, `base: "`+publicPath+`"`)
	text = strings.ReplaceAll(text, `"/_app/`, `"`+publicPath+`/_app/`)
	if !strings.Contains(text, `base: "`+publicPath+`"`) {
		return nil, "", errors.New("the Web UI's page has changed its form: it can't be moved below a path")
	}
	scripts := "'self'"
	for _, m := range inlineScript.FindAllStringSubmatch(text, -1) {
		sum := sha256.Sum256([]byte(m[1]))
		scripts += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return []byte(text), strings.Join([]string{
		"default-src 'self'",
		"script-src " + scripts,
		"style-src 'self' 'unsafe-inline'", // the page styles elements from scripts
		"img-src 'self' data:", "font-src 'self' data:", "connect-src 'self'", "worker-src 'self' blob:", "frame-src 'self'",
		"manifest-src data:", "object-src 'none'", "base-uri 'self'", "form-action 'self'", "frame-ancestors 'self'",
	}, "; "), nil
}
