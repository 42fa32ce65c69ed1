package digitalocean

import (
	"cmp"
	"context"
	"fmt"
	"io"
)

// User is a user in a team: whom the API sees.
type User struct {
	UUID, Email        string
	TeamUUID, TeamName string // "" if the API doesn't say
}

// User returns the user and the team of the access token, which needs the scope account:read. It mints nothing
// (https://docs.digitalocean.com/reference/api/reference/account/#account_get).
func (c *Client) User(ctx context.Context) (User, error) {
	var answer struct {
		Account *struct {
			UUID  string `json:"uuid"`
			Email string `json:"email"`
			Team  *struct {
				UUID string `json:"uuid"`
				Name string `json:"name"`
			} `json:"team"`
		} `json:"account"`
	}
	var user User
	_, err := c.get(ctx, "/v2/account", scopeAccount, func(body io.Reader) error {
		if err := decodeOne(body, &answer); err != nil {
			return err
		}
		a := answer.Account
		if a == nil || a.UUID == "" {
			return undecodable("it names no user")
		}
		user.UUID, user.Email = a.UUID, a.Email
		if a.Team != nil {
			user.TeamUUID, user.TeamName = a.Team.UUID, a.Team.Name
		}
		return cmp.Or(checkText("uuid", user.UUID), checkText("email", user.Email),
			checkText("team.uuid", user.TeamUUID), checkText("team.name", user.TeamName))
	})
	if err != nil {
		return User{}, fmt.Errorf("looking up the account: %w", err)
	}
	return user, nil
}

// ClusterUser returns the name, an email address, that the cluster knows the access token's user by. The access token
// needs the scope kubernetes:read. It mints nothing
// (https://docs.digitalocean.com/reference/api/reference/kubernetes/#kubernetes_get_clusterUser).
func (c *Client) ClusterUser(ctx context.Context, id ClusterID) (string, error) {
	var answer struct {
		User *struct {
			Name string `json:"username"`
		} `json:"kubernetes_cluster_user"`
	}
	_, err := c.get(ctx, clustersPath+"/"+string(id)+"/user", scopeClusters, func(body io.Reader) error {
		if err := decodeOne(body, &answer); err != nil {
			return err
		}
		if answer.User == nil || answer.User.Name == "" {
			return undecodable("it names no user")
		}
		return checkText("username", answer.User.Name)
	})
	if err != nil {
		return "", fmt.Errorf("looking up the user of cluster %q: %w", id, err)
	}
	return answer.User.Name, nil
}
