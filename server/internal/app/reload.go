package app

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"os"
	"sync/atomic"
)

// reloadOn reads certificates and secrets again at each signal, until the context ends.
func (s *service) reloadOn(ctx context.Context, signals <-chan os.Signal) {
	for {
		select {
		case <-signals:
			s.reload()
		case <-ctx.Done():
			return
		}
	}
}

// reload takes what files say now. Where one is bad, what was read from it before stays good.
func (s *service) reload() {
	if s.config.certificate != nil {
		s.report("the certificate", s.config.certificate.load())
	}
	if s.config.ProviderSecretFile != "" {
		secrets, err := s.config.secrets()
		if err == nil {
			err = s.sender.SetSecrets(secrets)
		}
		s.report("the provider's secrets", err)
	}
	if s.config.certificate == nil && s.config.ProviderSecretFile == "" {
		s.logger.Info("there are no files to read again")
	}
}

func (s *service) report(what string, err error) {
	if err != nil {
		s.logger.Error("not read again, the old ones stay in use", "what", what, "err", err)
		return
	}
	s.logger.Info("read again", "what", what)
}

// certificate is what the public listener shows, from two files.
type certificate struct {
	cert, key string
	current   atomic.Pointer[tls.Certificate]
}

func (c *certificate) load() error {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if unread := new(fs.PathError); errors.As(err, &unread) {
		return configErrorf("--tls-cert %s, --tls-key %s: %w", c.cert, c.key, err)
	}
	if err != nil {
		return configErrorf("--tls-cert %s, --tls-key %s: must be PEM files, of a certificate chain and of the key that belongs to it", c.cert, c.key)
	}
	c.current.Store(&pair)
	return nil
}

// get is for [tls.Config].
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.current.Load(), nil
}
