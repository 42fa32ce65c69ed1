package digitaloceantest

import (
	"crypto/sha256"
	"fmt"
)

// created is when each cluster was created.
const created = "2026-01-15T09:30:00Z"

// resource returns the cluster in the API's form.
func (c *Cluster) resource() map[string]any {
	return map[string]any{
		"id":                 c.ID,
		"name":               c.Name,
		"region":             c.Region,
		"version":            c.Version,
		"cluster_subnet":     "10.244.0.0/16",
		"service_subnet":     "10.245.0.0/16",
		"vpc_uuid":           uuidOf("VPC in " + c.Region),
		"endpoint":           c.Server,
		"tags":               []string{"k8s", "k8s:" + c.ID},
		"node_pools":         []any{c.nodePool("pool-default")},
		"maintenance_policy": map[string]any{"start_time": "00:00", "duration": "4h0m0s", "day": "any"},
		"auto_upgrade":       false,
		"status":             map[string]any{"state": c.State},
		"created_at":         created,
		"updated_at":         created,
		"surge_upgrade":      true,
		"ha":                 true,
		"registry_enabled":   false,
		"sso":                c.SSO.resource(),
	}
}

// nodePool returns a pool of one node in the API's form.
func (c *Cluster) nodePool(name string) map[string]any {
	return map[string]any{
		"id":         uuidOf(name + " of " + c.ID),
		"name":       name,
		"size":       "s-2vcpu-4gb",
		"count":      1,
		"tags":       []string{"k8s", "k8s:" + c.ID, "k8s:worker"},
		"labels":     nil,
		"taints":     []any{},
		"auto_scale": false,
		"min_nodes":  0,
		"max_nodes":  0,
		"nodes": []any{map[string]any{
			"id":         uuidOf("node of " + name + " of " + c.ID),
			"name":       name + "-3niq",
			"status":     map[string]any{"state": "running"},
			"droplet_id": "205545370",
			"created_at": created,
			"updated_at": created,
		}},
	}
}

// uuidOf returns the UUID of what is called by a name. It is always the same for a name.
func uuidOf(name string) string {
	b := sha256.Sum256([]byte(name))
	b[6] = b[6]&0x0f | 0x80 // version 8 and the variant of RFC 9562
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
